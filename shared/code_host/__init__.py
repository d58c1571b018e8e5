"""The room of code: `connect_reader()` and `connect_writer()`; agents that read logs ask for the reader alone."""

import re
from typing import Literal

from shared.code_host.port import CodeReader, CodeWriter
from shared.errors import Misconfigured, Rejected
from shared.settings import Settings

# Logins are letters, digits and dashes, with one underscore for managed users; names may hold dots too.
_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")


class CodeHostSettings(Settings):
    """Which provider holds the code, which repository it is unless the caller names one, and its base branch."""

    code_host_provider: Literal["github"] = "github"
    github_repo: str | None = None
    github_base_branch: str | None = None


def connect_reader(repo: str | None) -> CodeReader | None:
    """
    Return a reader of `repo` (`owner/name`), else of GITHUB_REPO; none when there is neither.

    Without credentials it reads as a stranger, which public repositories allow.
    Raises Rejected (`repo` is no repository's name), Misconfigured.
    """
    settings = CodeHostSettings.from_env()
    name = _chosen(repo, settings)
    if name is None:
        return None
    from shared.code_host.github import GithubSettings
    from shared.code_host.github_reader import GithubReader

    return GithubReader(GithubSettings.from_env(), name)


def connect_writer(repo: str | None) -> CodeWriter | None:
    """
    Return a writer to `repo` (`owner/name`), else to GITHUB_REPO; none when there is neither, or no credentials.

    Raises Rejected (`repo` is no repository's name), Misconfigured.
    """
    settings = CodeHostSettings.from_env()
    name = _chosen(repo, settings)
    if name is None:
        return None
    from shared.code_host.github import GithubSettings
    from shared.code_host.github_writer import GithubWriter

    github = GithubSettings.from_env()
    return GithubWriter(github, name) if github.has_credentials else None


def base_branch() -> str | None:
    """Return the branch to read and to aim pull requests at; none means the repository's default branch."""
    return CodeHostSettings.from_env().github_base_branch


def _chosen(repo: str | None, settings: CodeHostSettings) -> str | None:
    if repo and not _REPO.fullmatch(repo):
        raise Rejected(f"{repo!r} is not the name of a repository: write owner/name")
    if settings.github_repo and not _REPO.fullmatch(settings.github_repo):
        raise Misconfigured(f"GITHUB_REPO is {settings.github_repo!r}: write owner/name")
    return repo or settings.github_repo
