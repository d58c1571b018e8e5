"""How long an incident may stay without an outcome: after that it takes in no alert and the sweeper tells it."""

from datetime import timedelta

from pydantic import Field

from shared.settings import Settings


class DeadlineSettings(Settings):
    """Counted from the moment the incident was opened."""

    incident_deadline_seconds: int = Field(
        900, ge=1, le=86_400, description="An open incident this old is told with what there is; in seconds."
    )

    @property
    def deadline(self) -> timedelta:
        """The same as a span of time."""
        return timedelta(seconds=self.incident_deadline_seconds)
