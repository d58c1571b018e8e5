"""Which repository and base branch an alert is about, and whether the house may touch it at all."""

import re
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field

from shared.contracts import Alert
from shared.errors import Misconfigured, Refused, Rejected
from shared.settings import Settings

# Logins are letters, digits and dashes, with one underscore for managed users; names may hold dots too.
_OWNER, _NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"
_REPO = re.compile(f"{_OWNER}/{_NAME}")
_PATTERN = re.compile(rf"{_OWNER}/(\*|{_NAME})")


class CodeHostSettings(Settings):
    """Which provider holds the code, and which repositories there are."""

    code_host_provider: Literal["github"] = "github"
    github_repo: str | None = Field(None, description="owner/name, where neither alert nor SERVICE_REPOS names one.")
    github_base_branch: str | None = Field(None, description="Branch to read and aim at; unset, the default branch.")
    service_repos: dict[str, str] = Field(
        default_factory=dict, description='JSON, service to repository: {"checkout-api": "owner/name@branch"}.'
    )
    github_allowed_repos: list[str] = Field(
        default_factory=list,
        description="JSON list of owner/name or owner/*: repositories an alert may name beyond those named here.",
    )

    def named(self) -> list[str]:
        """Return the repositories the operator named. Raises Misconfigured naming the variable."""
        mapped = [_split(service, entry)[0] for service, entry in self.service_repos.items()]
        if self.github_repo and not _REPO.fullmatch(self.github_repo):
            raise Misconfigured(f"GITHUB_REPO is {self.github_repo!r}: write owner/name")
        return [self.github_repo, *mapped] if self.github_repo else mapped


def repository_of(alert: Alert) -> str | None:
    """
    Return `owner/name`: the alert's own word, else its service's in SERVICE_REPOS, else GITHUB_REPO, else none.

    Raises Rejected (no repository's name), Refused (the alert names one the operator never allowed), Misconfigured.
    """
    settings = CodeHostSettings.from_env()
    entry = settings.service_repos.get(alert.service_name)
    mapped = _split(alert.service_name, entry)[0] if entry else None
    return allowed(alert.github_repo or mapped, settings)


def base_branch_of(alert: Alert) -> str | None:
    """
    Return the branch to read and to aim pull requests at; none means the repository's default branch.

    The alert's own word, else its service's in SERVICE_REPOS, else GITHUB_BASE_BRANCH. Raises Misconfigured.
    """
    settings = CodeHostSettings.from_env()
    entry = settings.service_repos.get(alert.service_name)
    mapped = _split(alert.service_name, entry)[1] if entry and not alert.github_repo else None
    return alert.github_base_branch or mapped or settings.github_base_branch


def allowed(repo: str | None, settings: CodeHostSettings) -> str | None:
    """
    Return `repo`, or GITHUB_REPO where there is none, when the house may touch it; none when there is neither.

    Raises Rejected (no repository's name), Refused (not allowed), Misconfigured.
    """
    if repo and not _REPO.fullmatch(repo):
        raise Rejected(f"{repo!r} is not the name of a repository: write owner/name")
    named = settings.named()
    for pattern in settings.github_allowed_repos:
        if not _PATTERN.fullmatch(pattern):
            raise Misconfigured(f"GITHUB_ALLOWED_REPOS holds {pattern!r}: write owner/name or owner/*")
    name = repo or settings.github_repo
    # GitHub does not tell upper from lower case in names.
    if name and not any(fnmatchcase(name.lower(), each.lower()) for each in [*named, *settings.github_allowed_repos]):
        raise Refused(f"{name!r} is none of the repositories this house may touch: GITHUB_ALLOWED_REPOS can allow it")
    return name


def _split(service: str, entry: str) -> tuple[str, str | None]:
    """Return repository and branch of one entry of SERVICE_REPOS. Raises Misconfigured."""
    repo, _, branch = entry.partition("@")
    if not _REPO.fullmatch(repo):
        raise Misconfigured(f"SERVICE_REPOS has {entry!r} for {service!r}: write owner/name or owner/name@branch")
    return repo, branch or None
