"""The room of code: `connect_reader()` and `connect_writer()`; agents that read logs ask for the reader alone."""

from typing import Literal

from pydantic import Field

from shared.code_host.port import CodeReader, CodeWriter
from shared.code_host.repository_policy import CodeHostSettings, allowed, base_branch_of, repository_of
from shared.settings import Settings

__all__ = ["base_branch_of", "connect_reader", "connect_writer", "repository_of"]


class CodeSearchSettings(Settings):
    """How the code is read."""

    code_search_provider: Literal["rest", "mcp"] = Field(
        "rest", description="rest, or mcp: GitHub's MCP server, with REST for what that lacks."
    )


def connect_reader(repo: str | None) -> CodeReader | None:
    """
    Return a reader of `repo` (`owner/name`), else of GITHUB_REPO; none when there is neither.

    Without credentials it reads as a stranger, which public repositories allow.
    Raises Rejected (`repo` is no repository's name), Refused (not among those allowed), Misconfigured.
    """
    name = allowed(repo, CodeHostSettings.from_env())
    if name is None:
        return None
    from shared.code_host.github import GithubSettings
    from shared.code_host.github_reader import GithubReader

    rest = GithubReader(GithubSettings.from_env(), name)
    if CodeSearchSettings.from_env().code_search_provider == "rest":
        return rest
    from shared.code_host.mcp import McpReader, McpSettings

    return McpReader(McpSettings.from_env(), rest)


def connect_writer(repo: str | None) -> CodeWriter | None:
    """
    Return a writer to `repo` (`owner/name`), else to GITHUB_REPO; none when there is neither, or no credentials.

    Raises Rejected (`repo` is no repository's name), Refused (not among those allowed), Misconfigured.
    """
    name = allowed(repo, CodeHostSettings.from_env())
    if name is None:
        return None
    from shared.code_host.github import GithubSettings
    from shared.code_host.github_writer import GithubWriter

    github = GithubSettings.from_env()
    return GithubWriter(github, name) if github.has_credentials else None
