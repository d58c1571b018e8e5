"""Read one GitHub delivery: verify its signature, then parse the fields we use."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

import flask
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from shared import clock, json_text
from shared.code_host.repository_policy import BRANCH_PREFIX
from shared.errors import Rejected
from shared.http.validation import places

MAX_BODY_BYTES = 4 * 1024 * 1024

AwareUtc = Annotated[datetime, AfterValidator(clock.to_utc)]


class WrongSignature(Rejected):
    """The delivery is not signed with our secret."""

    status = 401


class _Account(BaseModel):
    login: str


class _Repository(BaseModel):
    full_name: str


class _Head(BaseModel):
    ref: str
    repo: _Repository | None


class _Pull(BaseModel):
    number: int
    html_url: str
    state: Literal["open", "closed"]
    title: str
    draft: bool = False
    head: _Head
    updated_at: AwareUtc
    merged_at: AwareUtc | None = None
    closed_at: AwareUtc | None = None
    merged_by: _Account | None = None
    merge_commit_sha: str | None = None


class PullRequestEvent(BaseModel):
    """The event `pull_request`, the fields we use. Source: https://docs.github.com/en/webhooks/webhook-events-and-payloads"""

    action: str
    pull_request: _Pull
    repository: _Repository
    sender: _Account = Field(default_factory=lambda: _Account(login=""))

    @property
    def incident_id(self) -> str | None:
        """
        The incident of the branch; None for pull requests that are not ours.

        Only branches of the repository itself count: a fork can imitate our branch names. What the body says does not:
        anybody who opens a pull request can copy the block of another one.
        """
        head = self.pull_request.head
        if head.repo is None or head.repo.full_name.lower() != self.repository.full_name.lower():
            return None
        return head.ref.removeprefix(BRANCH_PREFIX) if head.ref.startswith(BRANCH_PREFIX) else None


class _App(BaseModel):
    name: str


class _Suite(BaseModel):
    head_branch: str | None
    conclusion: str | None
    app: _App


class CheckSuiteEvent(BaseModel):
    """The event `check_suite`, the fields we use: what one app found of a commit."""

    action: str
    check_suite: _Suite
    repository: _Repository

    @property
    def incident_id(self) -> str | None:
        """The incident of the branch; None for branches that are not ours. A fork's branch comes without a name."""
        branch = self.check_suite.head_branch or ""
        return branch.removeprefix(BRANCH_PREFIX) if branch.startswith(BRANCH_PREFIX) else None

    @property
    def passed(self) -> bool | None:
        """Whether its checks passed; None while they run, and where they say neither (skipped, neutral, stale)."""
        if self.action != "completed" or self.check_suite.conclusion not in _CONCLUSIONS:
            return None
        return _CONCLUSIONS[self.check_suite.conclusion]


_CONCLUSIONS = {"success": True, "failure": False, "timed_out": False, "startup_failure": False}
_EVENTS: dict[str, type[PullRequestEvent] | type[CheckSuiteEvent]] = {
    "pull_request": PullRequestEvent,
    "check_suite": CheckSuiteEvent,
}


@dataclass(frozen=True)
class Delivery:
    """What was delivered; `body` is None for every event that is not used."""

    event: str
    body: PullRequestEvent | CheckSuiteEvent | None


def read(request: flask.Request, secret: str) -> Delivery:
    """Return the delivery. Raises WrongSignature (401), Rejected (not JSON, not GitHub's schema, over 4 MB)."""
    # Read from the stream: functions-framework reads the body again after the answer.
    content = request.stream.read(MAX_BODY_BYTES + 1)
    if len(content) > MAX_BODY_BYTES:
        raise Rejected(f"The delivery is over {MAX_BODY_BYTES} bytes")
    if not is_signed(content, request.headers.get("X-Hub-Signature-256", ""), secret):
        raise WrongSignature("X-Hub-Signature-256 is missing or not made with GITHUB_WEBHOOK_SECRET")
    event = request.headers.get("X-GitHub-Event", "")
    if event not in _EVENTS:
        return Delivery(event, None)
    try:
        return Delivery(event, _EVENTS[event].model_validate(json_text.parsed(content)))
    except ValidationError as error:
        raise Rejected(f"The delivery is not a {event} event; wrong or missing: {places(error)}") from None
    except ValueError:
        raise Rejected("The delivery is not JSON; set the webhook's content type to application/json") from None


def is_signed(content: bytes, signature: str, secret: str) -> bool:
    """Return, in constant time, whether `signature` is `sha256=` and the HMAC of the bytes received."""
    expected = f"sha256={hmac.digest(secret.encode(), content, 'sha256').hex()}"
    # WSGI passes headers as Latin-1.
    return hmac.compare_digest(signature.encode("latin-1", "replace"), expected.encode())
