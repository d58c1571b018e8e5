"""Connects to the code for reading: a function that only reads imports this, and so carries no code that writes."""

from typing import Literal

from pydantic import Field

from shared.code_host.port import CodeReader
from shared.code_host.repository_policy import NOBODYS, CodeHostSettings, allowed
from shared.settings import Settings


class CodeSearchSettings(Settings):
    """How the code is read."""

    code_search_provider: Literal["rest", "mcp"] = Field(
        "rest", description="rest, or mcp: GitHub's MCP server, with REST for what it lacks."
    )


def connect(repo: str | None) -> CodeReader | None:
    """
    Return a reader of `repo` (`owner/name`), else of GITHUB_REPO, or None when neither is set.

    Without credentials it reads unauthenticated, which public repositories allow.
    Raises Rejected (`repo` is not a repository name), Refused (it is not allowed), Misconfigured.
    """
    name = allowed(repo, CodeHostSettings.from_env())
    return None if name is None else _reader(name)


def load() -> None:
    """Load what reading takes, before the first repository is read; nothing is requested. Raises Misconfigured."""
    _reader(NOBODYS)


def _reader(name: str) -> CodeReader:
    from shared.code_host.github import GithubSettings
    from shared.code_host.github_reader import GithubReader

    rest = GithubReader(GithubSettings.from_env(), name)
    if CodeSearchSettings.from_env().code_search_provider == "rest":
        return rest
    from shared.code_host.mcp import McpReader, McpSettings

    return McpReader(McpSettings.from_env(), rest)
