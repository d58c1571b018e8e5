"""GitHub: whether each repository can be read, and what GitHub says of the right to write; nothing is written."""

from github.Repository import Repository

from infra.doctor.check import Check, ok, unknown, wrong
from shared.code_host.github import GithubRepository, GithubSettings, reading
from shared.code_host.repository_policy import CodeHostSettings
from shared.errors import IncidentCopilotError, Refused, Unavailable
from shared.pull_request.approval import PullRequestMode

_MAX_REPOSITORIES = 5
CREDENTIALS = "GITHUB_TOKEN"
_FINE_GRAINED = "github_pat_"


def check_github() -> list[Check]:
    """Return whether the configured repositories can be read and written, the first few of them."""
    names = list(dict.fromkeys(CodeHostSettings.from_env().named()))
    if not names:
        return [unknown("GitHub was not asked: neither GITHUB_REPO nor SERVICE_REPOS names a repository")]
    settings = GithubSettings.from_env()
    checks = [check for name in names[:_MAX_REPOSITORIES] for check in _repository(settings, name)]
    left = len(names) - _MAX_REPOSITORIES
    return [*checks, unknown(f"{left} further repositories of SERVICE_REPOS were not asked")] if left > 0 else checks


def _repository(settings: GithubSettings, name: str) -> list[Check]:
    opened = GithubRepository(settings, name)
    try:
        repository = opened.opened
    except Unavailable as error:
        return [wrong(str(error), "check GITHUB_API_URL, and the way to it from this machine")]
    except Refused as error:
        fix = f"check the name in GITHUB_REPO or SERVICE_REPOS, and that {CREDENTIALS} may read the repository"
        return [wrong(str(error), fix)]
    except IncidentCopilotError as error:
        return [unknown(str(error))]
    return [ok(f"GitHub lets {name} be read"), *_branch(repository, name), _write(settings, repository, name)]


def _branch(repository: Repository, name: str) -> list[Check]:
    branch = CodeHostSettings.from_env().github_base_branch
    if not branch:
        return []
    try:
        with reading(f"the branch {branch!r} of {name!r}"):
            repository.get_branch(branch)
    except Refused as error:
        return [wrong(str(error), "set GITHUB_BASE_BRANCH to a branch that exists, or leave it empty")]
    except IncidentCopilotError as error:
        return [unknown(str(error))]
    return []


def _write(settings: GithubSettings, repository: Repository, name: str) -> Check:
    if PullRequestMode.from_env().pr_mode == "off":
        return ok(f"PR_MODE is off, so nothing is written to {name}")
    if not settings.has_credentials:
        fix = f"set {CREDENTIALS} to draft pull requests, or PR_MODE=off"
        return unknown(f"without a token nothing can be written to {name}", fix)
    if repository.archived:
        return wrong(
            f"{name} is archived, so nothing can be written to it", "choose another repository, or PR_MODE=off"
        )
    permissions = repository.permissions
    if permissions is None or not permissions.push:
        fix = f"give {CREDENTIALS} Contents and Pull requests, read and write, or set PR_MODE=off"
        return wrong(f"GitHub says that {CREDENTIALS} may not write to {name}", fix)
    if settings.github_token is not None and settings.github_token.get_secret_value().startswith(_FINE_GRAINED):
        fix = f"see that {CREDENTIALS} has Contents and Pull requests, read and write"
        return unknown(f"the account may write to {name}; whether a fine-grained token may, GitHub does not say", fix)
    return ok(f"GitHub says that {CREDENTIALS} may write to {name}")
