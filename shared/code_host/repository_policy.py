"""Which repository, base branch and own branch an alert is about, and whether access to them is allowed."""

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pydantic import Field

from shared.contracts import Alert, Branch, CodeAnalysis
from shared.errors import Misconfigured, Refused, Rejected
from shared.settings import Settings

# Logins are letters, digits and dashes, with one underscore for managed users; names may also have dots.
_OWNER, _NAME = r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}"
_REPO = re.compile(f"{_OWNER}/{_NAME}")
BRANCH_PREFIX = "incident/"

NOBODYS = "-/-"
"""A name that no repository has."""

_PATTERN = re.compile(rf"{_OWNER}/(\*|{_NAME})")


class CodeHostSettings(Settings):
    """Which repositories are configured."""

    github_repo: str | None = Field(None, description="owner/name, when neither the alert nor SERVICE_REPOS names one.")
    github_base_branch: str | None = Field(
        None, description="Branch to read and to open pull requests against; unset, the default branch."
    )
    service_repos: dict[str, str] = Field(
        default_factory=dict,
        description='JSON, maps a service to its repository: {"checkout-api": "owner/name@branch"}.',
    )
    github_allowed_repos: list[str] = Field(
        default_factory=list,
        description="JSON list of owner/name or owner/*: further repositories that an alert may name.",
    )

    def named(self) -> list[str]:
        """Return the repositories that the operator named. Raises Misconfigured naming the variable."""
        mapped = [_split(service, entry)[0] for service, entry in self.service_repos.items()]
        if self.github_repo and not _REPO.fullmatch(self.github_repo):
            raise Misconfigured(f"GITHUB_REPO is {self.github_repo!r}: write owner/name")
        return [self.github_repo, *mapped] if self.github_repo else mapped


def repository_of(alert: Alert) -> str | None:
    """
    Return `owner/name` from the alert, else from SERVICE_REPOS, else from GITHUB_REPO, or None.

    Raises Rejected (not a repository name), Refused (the alert names one that is not allowed), Misconfigured.
    """
    settings = CodeHostSettings.from_env()
    entry = settings.service_repos.get(alert.service_name)
    mapped = _split(alert.service_name, entry)[0] if entry else None
    return allowed(alert.github_repo or mapped, settings)


def base_branch_of(alert: Alert) -> str | None:
    """
    Return the branch to read and to open pull requests against, or None for the repository's default branch.

    It comes from the alert, else from SERVICE_REPOS, else from GITHUB_BASE_BRANCH. Raises Misconfigured.
    """
    settings = CodeHostSettings.from_env()
    entry = settings.service_repos.get(alert.service_name)
    mapped = _split(alert.service_name, entry)[1] if entry and not alert.github_repo else None
    return alert.github_base_branch or mapped or settings.github_base_branch


@dataclass(frozen=True)
class WriteTarget:
    """The repository that the settings give the service, and its base branch; None is the default branch."""

    repo: str
    base_branch: str | None


def branch_of(incident_id: str) -> str:
    """Return the name of the incident's branch."""
    return f"{BRANCH_PREFIX}{incident_id}"


def target_of(alert: Alert, code: CodeAnalysis) -> WriteTarget:
    """
    Return where a change for the alert may go.

    Raises Rejected when none is configured, or the code that was read is another's, and what `repository_of` raises.
    """
    repo = repository_of(alert)
    if repo is None:
        raise Rejected(f"No repository is known for {alert.service_name!r}: set SERVICE_REPOS or GITHUB_REPO")
    if (code.repo or "").lower() != repo.lower():
        raise Rejected(f"The patch is for {code.repo!r}, but {alert.service_name!r} is built from {repo!r}")
    return WriteTarget(repo, base_branch_of(alert))


def check_branch(alert: Alert, code: CodeAnalysis, branch: Branch) -> None:
    """
    Accept the branch on which a pull request may be opened or asked for: the incident's own.

    Raises Rejected naming what is another's, and what `repository_of` raises.
    """
    target = target_of(alert, code)
    if (branch.repo or "").lower() != target.repo.lower():
        raise Rejected(f"The branch is in {branch.repo!r}, but {alert.service_name!r} is built from {target.repo!r}")
    if branch.branch != branch_of(alert.incident_id):
        raise Rejected(f"The branch is {branch.branch!r}, but this incident's is {branch_of(alert.incident_id)!r}")
    if target.base_branch is not None and branch.base_branch != target.base_branch:
        raise Rejected(f"The base branch is {branch.base_branch!r}, but it must be {target.base_branch!r}")


def allowed(repo: str | None, settings: CodeHostSettings) -> str | None:
    """
    Return `repo`, or GITHUB_REPO when `repo` is unset, if it is allowed; None when neither is set.

    Raises Rejected (not a repository name), Refused (not allowed), Misconfigured.
    """
    if repo and not _REPO.fullmatch(repo):
        raise Rejected(f"{repo!r} is not a repository name: write owner/name")
    named = settings.named()
    for pattern in settings.github_allowed_repos:
        if not _PATTERN.fullmatch(pattern):
            raise Misconfigured(f"GITHUB_ALLOWED_REPOS contains {pattern!r}: write owner/name or owner/*")
    name = repo or settings.github_repo
    # GitHub's names are case-insensitive.
    if name and not any(fnmatchcase(name.lower(), each.lower()) for each in [*named, *settings.github_allowed_repos]):
        raise Refused(f"{name!r} is not an allowed repository: GITHUB_ALLOWED_REPOS can allow it")
    return name


def _split(service: str, entry: str) -> tuple[str, str | None]:
    """Return repository and branch of one entry of SERVICE_REPOS. Raises Misconfigured."""
    repo, _, branch = entry.partition("@")
    if not _REPO.fullmatch(repo):
        raise Misconfigured(f"SERVICE_REPOS has {entry!r} for {service!r}: write owner/name or owner/name@branch")
    return repo, branch or None
