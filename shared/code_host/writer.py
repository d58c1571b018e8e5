"""Connects to the code for writing branches and pull requests."""

from shared.code_host.port import CodeWriter
from shared.code_host.repository_policy import NOBODYS, CodeHostSettings, allowed


def connect(repo: str | None) -> CodeWriter | None:
    """
    Return a writer to `repo` (`owner/name`), else to GITHUB_REPO, or None without a repository or credentials.

    Raises Rejected (`repo` is not a repository name), Refused (it is not allowed), Misconfigured.
    """
    name = allowed(repo, CodeHostSettings.from_env())
    return None if name is None else _writer(name)


def load() -> None:
    """Load what writing takes, before the first branch is written; nothing is requested. Raises Misconfigured."""
    _writer(NOBODYS)


def _writer(name: str) -> CodeWriter | None:
    from shared.code_host.github import GithubSettings
    from shared.code_host.github_writer import GithubWriter

    github = GithubSettings.from_env()
    return GithubWriter(github, name) if github.has_credentials else None
