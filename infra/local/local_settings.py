"""What `make local` itself reads of .env; no function gets it."""

from typing import Annotated

from pydantic import Field

from shared.settings import Settings

Load = Annotated[str, Field(pattern=r"^(?:high|mid|low|\d{1,3}(?:\.\d+)?)$")]


class LocalSettings(Settings):
    """Which sandboxes the local stack uses, and what its Prometheus holds beside the scenario's own series."""

    sandbox_sources: bool = Field(
        True,
        description="make local only. false: logs, metrics and code that .env does not name come from no sandbox; they "
        "are left out.",
    )
    mock_cpu: Load | None = Field(
        None, description="make local only. high, mid, low, or percent of a core: the processor of the service's pods."
    )
    mock_ram: Load | None = Field(
        None,
        description="make local only. high, mid, low, or percent of the limit: the memory of the service's pods.",
    )
    mock_network: Load | None = Field(
        None, description="make local only. high, mid, low, or percent of 1 Gbit/s: what the service's pods receive."
    )
    git_repo_path: str = Field(
        "", description="make local only. A clone: where nothing names the repository, its origin does."
    )
