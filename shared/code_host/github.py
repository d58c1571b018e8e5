"""GitHub: its settings, one opened repository, and the door where its errors become ours."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from json import JSONDecodeError
from typing import TypeVar

import github
import jwt
import requests
from github.Repository import Repository
from pydantic import Field, SecretStr
from urllib3 import Retry
from urllib3.exceptions import MaxRetryError, NewConnectionError

from shared import clock
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.settings import Settings

_READ_RETRIES = 2
# "Wait at least one minute" when a secondary limit names no time.
# Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
_SECONDARY_LIMIT_WAIT_S = 60.0
_MAX_REASON_CHARS = 300

Found = TypeVar("Found")


class GithubSettings(Settings):
    """Where GitHub is and who asks: a token, or an app with its installation, which wins over a token."""

    github_token: SecretStr | None = None
    github_app_id: str | None = None
    github_app_private_key: SecretStr | None = None
    github_app_installation_id: int | None = None
    github_api_url: str = Field("https://api.github.com", pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")
    github_timeout_s: int = Field(10, ge=1, le=120)

    @property
    def has_credentials(self) -> bool:
        """Tell whether GitHub will know who asks."""
        return self.github_token is not None or self.github_app_id is not None


class GithubRepository:
    """One repository of GitHub, opened when first needed; `name` is `owner/name` as it was asked for."""

    def __init__(self, settings: GithubSettings, name: str) -> None:
        self.name = name
        self._api_url = settings.github_api_url
        # Made here, so that a setting that cannot work fails before any work is done.
        self.client = _client(settings)

    @cached_property
    def opened(self) -> Repository:
        """
        The repository itself, asked for once.

        A renamed repository answers reads with a redirect that loses their parameters, and writes with one that
        looks like success; asking for it first gives its present address.
        Raises Unavailable, Throttled, Refused, Misconfigured (no GitHub API there).
        """
        with reading(f"the repository {self.name!r}"):
            found = self.client.get_repo(self.name)
            if not found.default_branch:
                # A page for people, of a proxy or of a server whose API lives elsewhere, is a success to PyGithub.
                raise Misconfigured(f"{self._api_url!r} did not answer as GitHub's API does: check GITHUB_API_URL")
            return found


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file of a tree; `mode` as git writes it, `size_bytes` zero for a submodule."""

    mode: str
    sha: str
    size_bytes: int

    @property
    def is_regular(self) -> bool:
        """Tell a file from a link and a submodule."""
        return self.mode.startswith("100")


def list_files(repository: Repository, tree: str, prefix: str = "") -> Iterator[tuple[str, TreeFile]]:
    """
    Yield (path, file) for everything below a tree, links and submodules too; call it inside `reading`.

    One request, unless GitHub cuts the answer (100,000 entries or 7 MB): then one for each folder it has to.
    """
    whole = repository.get_git_tree(tree, recursive=True)
    # The answer to a cut tree does not say what is missing, so each folder is asked for by itself.
    rows = repository.get_git_tree(tree).tree if whole.truncated else whole.tree
    for row in require(rows):
        if row.type != "tree":
            yield prefix + row.path, TreeFile(row.mode, row.sha, row.size or 0)
        elif whole.truncated:
            yield from list_files(repository, row.sha, f"{prefix}{row.path}/")


def is_ref(text: str) -> bool:
    """
    Tell whether `text` can name a branch, tag or commit.

    Anything else must not reach a URL: a ref of `..` would climb to another repository of the same host.
    Source: git-check-ref-format(1)
    """
    is_plain = re.fullmatch(r"[^\x00-\x20\x7f~^:?*\[\\]+", text) is not None
    parts = text.split("/")
    return is_plain and ".." not in text and "@{" not in text and not any(not p or p[0] == "." for p in parts)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """
    Turn GitHub's errors into ours while `what` is read: silence means Unavailable, for a read changes nothing.

    Raises Unavailable (no answer, 5xx), Throttled (rate limits), Refused (every other no).
    """
    with _named_errors(what, Unavailable):
        yield


@contextmanager
def writing(what: str) -> Iterator[None]:
    """
    Turn GitHub's errors into ours while `what` is made: silence means Uncertain, unless no connection came about.

    Raises Uncertain (sent, no answer or 5xx), Unavailable (not sent), Throttled (rate limits), Refused (a no).
    """
    with _named_errors(what, Uncertain):
        yield


@contextmanager
def _named_errors(what: str, on_no_reply: type[Unavailable] | type[Uncertain]) -> Iterator[None]:
    try:
        yield
    except github.GithubException as error:
        raise _answered(what, error, on_no_reply) from error
    except requests.RequestException as error:
        kind = Unavailable if _was_never_sent(error) else on_no_reply
        raise kind(f"GitHub did not answer about {what}: {type(error).__name__}") from error
    except (JSONDecodeError, github.BadAttributeException, UnexpectedResponse) as error:
        raise on_no_reply(f"GitHub answered about {what} in a shape nobody knows: {type(error).__name__}") from error
    except (TypeError, AttributeError, KeyError, IndexError, AssertionError) as error:
        # A page for people where data was due, as proxies send it, makes the library stumble over its own feet.
        if not _is_of_library(error):
            raise
        raise on_no_reply(f"GitHub answered about {what} in a shape nobody knows: {type(error).__name__}") from error
    except RuntimeError as error:
        # PyGithub tells of a redirect to another host or scheme with nothing better.
        raise Refused(f"GitHub sent the question about {what} elsewhere: {error}") from error


def _is_of_library(error: BaseException) -> bool:
    """Tell an error raised inside PyGithub from one of our own making."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).split(".")[0] == "github"


def _answered(
    what: str, error: github.GithubException, on_no_reply: type[Unavailable] | type[Uncertain]
) -> IncidentCopilotError:
    """Name the error that GitHub's status means."""
    message = f"GitHub answered {error.status} about {what}: {reason(error)}"
    headers = error.headers or {}
    is_spent = headers.get("x-ratelimit-remaining") == "0"
    is_limit = isinstance(error, github.RateLimitExceededException) or "retry-after" in headers or is_spent
    if error.status == 429 or (error.status == 403 and is_limit):
        return Throttled(message, _retry_after_s(headers))
    return on_no_reply(message) if error.status >= 500 or error.status == 408 else Refused(message)


def reason(error: github.GithubException) -> str:
    """Return why GitHub said no, in its own words, on one line."""
    body = error.data if isinstance(error.data, dict) else {}
    listed = [item for item in body.get("errors") or () if isinstance(item, dict)]
    details = [item.get("message") or f"{item.get('field')} {item.get('code')}" for item in listed]
    words = " ".join(str(part) for part in (body.get("message") or "no reason given", *details))
    return " ".join(words.split())[:_MAX_REASON_CHARS]


def _retry_after_s(headers: dict[str, str]) -> float:
    """Return GitHub's wish in seconds: its Retry-After, else the end of a spent hour, else its documented minute."""
    wish, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if wish.isdigit():
        return float(wish)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - clock.now().timestamp())
    return _SECONDARY_LIMIT_WAIT_S


def _was_never_sent(error: requests.RequestException) -> bool:
    """Tell whether no connection ever came about, so that nothing can have happened."""
    cause = error.args[0] if error.args else None
    is_refused = isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
    return is_refused or isinstance(error, requests.ConnectTimeout)


class UnexpectedResponse(Exception):
    """An answer lacks what it is for."""


def require(part: Found | None) -> Found:
    """
    Return a part of an answer that must be there; call it inside `reading` or `writing`.

    PyGithub reads a page for people as an answer whose every part is none.
    """
    if part is None:
        raise UnexpectedResponse
    return part


def search_again(find: Callable[[], Found | None]) -> Found | None:
    """Look for what a write of unknown fate may have made; none also when that cannot be told."""
    try:
        return find()
    except IncidentCopilotError:
        # A second silence must not hide the first: that one says what may have happened.
        return None


def _client(settings: GithubSettings) -> github.Github:
    """
    Return PyGithub with its habits broken: it would send a failed POST again, wait a minute in a rate limit and
    rest a second between writes; waiting is for the workflow.
    """
    retry = Retry(
        total=_READ_RETRIES,
        allowed_methods={"GET", "HEAD"},
        status_forcelist={502, 503, 504},
        backoff_factor=0.2,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    return github.Github(
        auth=_auth(settings),
        base_url=settings.github_api_url.rstrip("/"),
        timeout=settings.github_timeout_s,
        user_agent="incident-copilot",
        retry=retry,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def _auth(settings: GithubSettings) -> github.Auth.Auth | None:
    """Return who asks; none is a stranger. Raises Misconfigured when an app is described in part or wrongly."""
    app = (settings.github_app_id, settings.github_app_private_key, settings.github_app_installation_id)
    if not any(part is not None for part in app):
        return github.Auth.Token(settings.github_token.get_secret_value()) if settings.github_token else None
    app_id, key, installation_id = app
    if app_id is None or key is None or installation_id is None:
        raise Misconfigured(
            "A GitHub App needs GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID, all three"
        )
    # A key in a variable often has its line ends written as two characters.
    auth = github.Auth.AppAuth(app_id, key.get_secret_value().replace("\\n", "\n"))
    try:
        auth.create_jwt()
    except (jwt.PyJWTError, ValueError):
        # Without its cause: what the parser could not read is the key.
        raise Misconfigured("GITHUB_APP_PRIVATE_KEY is not an RSA private key in PEM") from None
    return auth.get_installation_auth(installation_id)
