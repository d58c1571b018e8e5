"""How long an incident may have no outcome: after that no alert is merged into it and the sweeper publishes it."""

from datetime import timedelta

from pydantic import Field

from shared.settings import Settings


class DeadlineSettings(Settings):
    """Counted from the moment the incident was opened."""

    incident_deadline_seconds: int = Field(
        1_020,
        ge=1,
        le=86_400,
        description="An open incident this old is published with the results so far; in seconds.",
    )

    @property
    def deadline(self) -> timedelta:
        """The same as a timedelta."""
        return timedelta(seconds=self.incident_deadline_seconds)
