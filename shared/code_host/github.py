"""GitHub: its settings, one opened repository, and the translation of its errors into ours."""

import queue
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from json import JSONDecodeError
from typing import TypeVar

import github
import jwt
import requests
from github.Repository import Repository
from pydantic import Field, SecretStr
from urllib3 import Retry

from shared import clock
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status, retry_after_s
from shared.settings import Settings

_READ_RETRIES = 2
# "Wait at least one minute" when a secondary limit gives no time.
# Source: https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
_SECONDARY_LIMIT_WAIT_S = 60.0
_MAX_REASON_CHARS = 300

Part = TypeVar("Part")


class GithubSettings(Settings):
    """GitHub's URL and the credentials: a token, or an app with its installation, which is preferred."""

    github_token: SecretStr | None = Field(
        None,
        description="Token for GitHub, which reads contents and deployments, writes contents and pull requests; unset "
        "and without an app, public repositories are read and none is written.",
    )
    github_app_id: str | None = Field(None, description="Id of a GitHub App, used instead of the token; unset, no app.")
    github_app_private_key: SecretStr | None = Field(
        None, description="Private key of the GitHub App, PEM; required with GITHUB_APP_ID."
    )
    github_app_installation_id: int | None = Field(
        None, description="Installation of the GitHub App; required with GITHUB_APP_ID."
    )
    github_api_url: str = Field(
        "https://api.github.com",
        pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$",
        description="Root URL of GitHub's REST API; change it for GitHub Enterprise.",
    )
    github_timeout_s: int = Field(10, ge=1, le=120, description="Time for one request to GitHub, in seconds.")

    @property
    def has_credentials(self) -> bool:
        """Return whether requests are authenticated."""
        return self.github_token is not None or self.github_app_id is not None


@dataclass(frozen=True)
class GithubConnection:
    """A client for one thread at a time, and the repository as it reads it."""

    client: github.Github
    repository: Repository


class GithubRepository:
    """One repository of GitHub, opened on first use by any thread; `name` is `owner/name` as requested."""

    def __init__(self, settings: GithubSettings, name: str) -> None:
        self.name = name
        self._settings = settings
        self._auth = _auth(settings)
        # Created here, so that a wrong setting fails before any work is done.
        self.client = _client(settings, self._auth)
        self._opened: Repository | None = None
        self._opening = threading.Lock()
        self._idle: queue.LifoQueue[GithubConnection] = queue.LifoQueue()

    @property
    def opened(self) -> Repository:
        """
        The repository itself, requested once; use it where no other thread reads, else `connection`.

        A renamed repository answers reads with a redirect that loses their parameters, and writes with one that
        looks like success; requesting the repository first gives its current URL.
        Raises Unavailable, Throttled, Refused, Misconfigured (no GitHub API there).
        """
        with self._opening:
            if self._opened is None:
                self._opened = self._open()
                self._idle.put(GithubConnection(self.client, self._opened))
            return self._opened

    def _open(self) -> Repository:
        with reading(f"the repository {self.name!r}"):
            repository = self.client.get_repo(self.name)
            if not repository.default_branch:
                # PyGithub takes an HTML page, from a proxy or from a server without the API there, as success.
                raise Misconfigured(
                    f"{self._settings.github_api_url!r} did not answer as GitHub's API does: check GITHUB_API_URL"
                )
            return repository

    @contextmanager
    def connection(self) -> Iterator[GithubConnection]:
        """
        Lend a connection that no other thread has until the block ends: PyGithub's client is not made for several.

        What it read asks its client for more, so it is converted inside the block. Raises as `opened`.
        """
        opened = self.opened
        try:
            lent = self._idle.get_nowait()
        except queue.Empty:
            client = _client(self._settings, self._auth)
            lent = GithubConnection(client, client.create_from_raw_data(Repository, opened.raw_data))
        try:
            yield lent
        finally:
            self._idle.put(lent)


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One file of a tree; `mode` as git writes it, `size_bytes` is zero for a submodule."""

    mode: str
    sha: str
    size_bytes: int

    @property
    def is_regular(self) -> bool:
        """Return whether it is a file, not a link or a submodule."""
        return self.mode.startswith("100")


def list_files(repository: Repository, tree: str, prefix: str = "") -> Iterator[tuple[str, TreeFile]]:
    """
    Yield (path, file) for everything below a tree, links and submodules too; call it inside `reading`.

    One request, unless GitHub truncates the answer (100,000 entries or 7 MB): then one per folder.
    """
    whole = repository.get_git_tree(tree, recursive=True)
    # A truncated answer does not say what is missing, so each folder is requested separately.
    rows = repository.get_git_tree(tree).tree if whole.truncated else whole.tree
    for row in require(rows):
        if row.type != "tree":
            yield prefix + row.path, TreeFile(row.mode, row.sha, row.size or 0)
        elif whole.truncated:
            yield from list_files(repository, row.sha, f"{prefix}{row.path}/")


def is_ref(text: str) -> bool:
    """
    Return whether `text` can name a branch, tag or commit.

    Anything else must not reach a URL: a ref of `..` would lead to another repository of the same host.
    Source: git-check-ref-format(1)
    """
    is_plain = re.fullmatch(r"[^\x00-\x20\x7f~^:?*\[\\]+", text) is not None
    parts = text.split("/")
    return is_plain and ".." not in text and "@{" not in text and not any(not p or p[0] == "." for p in parts)


@contextmanager
def reading(what: str) -> Iterator[None]:
    """
    Turn GitHub's errors into ours while `what` is read: no reply is Unavailable, because a read changes nothing.

    Raises Unavailable (no answer, 5xx), Throttled (rate limits), Refused (any other refusal).
    """
    with _named_errors(what, Unavailable):
        yield


@contextmanager
def writing(what: str) -> Iterator[None]:
    """
    Turn GitHub's errors into ours while `what` is written: no reply is Uncertain, unless there was no connection.

    Raises Uncertain (sent, no answer or 5xx), Unavailable (not sent), Throttled (rate limit), Refused (other refusals).
    """
    with _named_errors(what, Uncertain):
        yield


@contextmanager
def _named_errors(what: str, on_no_reply: type[Unavailable] | type[Uncertain]) -> Iterator[None]:
    try:
        yield
    except github.GithubException as error:
        raise _error_from_status(what, error, on_no_reply) from error
    except requests.RequestException as error:
        kind = Unavailable if was_not_sent(error) else on_no_reply
        raise kind(f"GitHub did not answer about {what}: {type(error).__name__}") from error
    except (JSONDecodeError, github.BadAttributeException, UnexpectedResponse) as error:
        raise on_no_reply(f"GitHub answered about {what} in an unexpected format: {type(error).__name__}") from error
    except (TypeError, AttributeError, KeyError, IndexError, AssertionError) as error:
        # An HTML page instead of JSON, as proxies send it, makes the library fail with these.
        if not _is_library_error(error):
            raise
        raise on_no_reply(f"GitHub answered about {what} in an unexpected format: {type(error).__name__}") from error
    except RuntimeError as error:
        # PyGithub raises nothing more specific for a redirect to another host or scheme.
        raise Refused(f"GitHub redirected the request about {what}: {error}") from error


def _is_library_error(error: BaseException) -> bool:
    """Return whether the error was raised inside PyGithub, not in our code."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).split(".")[0] == "github"


def _error_from_status(
    what: str, error: github.GithubException, on_no_reply: type[Unavailable] | type[Uncertain]
) -> IncidentCopilotError:
    """Return the error that GitHub's status means."""
    message = f"GitHub answered {error.status} about {what}: {reason(error)}"
    headers = error.headers or {}
    is_spent = headers.get("x-ratelimit-remaining") == "0"
    is_limit = isinstance(error, github.RateLimitExceededException) or "retry-after" in headers or is_spent
    if error.status == 429 or (error.status == 403 and is_limit):
        return Throttled(message, _limit_wait_s(headers))
    return error_from_status(error.status, message, on_failure=on_no_reply)


def reason(error: github.GithubException) -> str:
    """Return GitHub's reason for a refusal, on one line."""
    body = error.data if isinstance(error.data, dict) else {}
    listed = [item for item in body.get("errors") or () if isinstance(item, dict)]
    details = [item.get("message") or f"{item.get('field')} {item.get('code')}" for item in listed]
    text = " ".join(str(part) for part in (body.get("message") or "no reason given", *details))
    return " ".join(text.split())[:_MAX_REASON_CHARS]


def _limit_wait_s(headers: dict[str, str]) -> float:
    """Return the wait in seconds: Retry-After, else the reset of the used-up rate limit, else the documented minute."""
    wait_s, reset = retry_after_s(headers.get("retry-after")), headers.get("x-ratelimit-reset", "")
    if wait_s is not None:
        return wait_s
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdigit():
        return max(0.0, float(reset) - clock.now().timestamp())
    return _SECONDARY_LIMIT_WAIT_S


class UnexpectedResponse(Exception):
    """An answer lacks a required part."""


def require(part: Part | None) -> Part:
    """
    Return a required part of an answer; call it inside `reading` or `writing`.

    PyGithub reads an HTML page as an answer whose parts are all None.
    """
    if part is None:
        raise UnexpectedResponse
    return part


def search_again(find: Callable[[], Part | None]) -> Part | None:
    """Look for what an uncertain write may have created; return None also when the search fails."""
    try:
        return find()
    except IncidentCopilotError:
        # This error must not hide the first one, which says what may have happened.
        return None


def _client(settings: GithubSettings, auth: github.Auth.Auth | None) -> github.Github:
    """
    Return PyGithub without its defaults: it would repeat a failed POST, wait a minute at a rate limit and pause a
    second between writes; the workflow does the waiting.
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
        auth=auth,
        base_url=settings.github_api_url.rstrip("/"),
        timeout=settings.github_timeout_s,
        user_agent="incident-copilot",
        retry=retry,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )


def _auth(settings: GithubSettings) -> github.Auth.Auth | None:
    """Return the credentials, or None without any. Raises Misconfigured (an app's settings are incomplete or wrong)."""
    app = (settings.github_app_id, settings.github_app_private_key, settings.github_app_installation_id)
    if not any(part is not None for part in app):
        return github.Auth.Token(settings.github_token.get_secret_value()) if settings.github_token else None
    app_id, key, installation_id = app
    if app_id is None or key is None or installation_id is None:
        raise Misconfigured(
            "A GitHub App needs GITHUB_APP_ID, GITHUB_APP_PRIVATE_KEY and GITHUB_APP_INSTALLATION_ID, all three"
        )
    # A key in a variable often has its line ends as the two characters backslash and n.
    auth = github.Auth.AppAuth(app_id, key.get_secret_value().replace("\\n", "\n"))
    try:
        auth.create_jwt()
    except (jwt.PyJWTError, ValueError):
        # Without its cause, because the parser's error may contain the key.
        raise Misconfigured("GITHUB_APP_PRIVATE_KEY is not an RSA private key in PEM") from None
    return auth.get_installation_auth(installation_id)
