"""What `make local` itself reads of .env; no function gets it."""

from pydantic import Field

from shared.settings import Settings


class LocalSettings(Settings):
    """Which sandboxes the local stack uses."""

    sandbox_sources: bool = Field(
        True,
        description="make local only. false: logs, metrics and code that .env does not name come from no sandbox; they "
        "are left out.",
    )
