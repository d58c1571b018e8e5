"""The state of a pull request reaches its incident, from GitHub alone and in order."""

import hmac
import json
from datetime import timedelta
from typing import Any

import flask
import pytest

from functions.code_host_webhook.main import code_host_webhook
from shared import traces
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import NOW, a_record, an_alert

SECRET = "a-webhook-secret-of-32-characters"
ALERT = an_alert()
ID = ALERT.incident_id


@pytest.fixture(autouse=True)
def open_pull_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """An incident whose pull request is open."""
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", SECRET)
    traces.connect().open_incident(a_record(ALERT))
    opened = PullRequestRecord(state="open", repo="octo/shop", number=7, decision="approve")
    traces.connect().set_pull_request(ID, opened)


def event(minute: int = 1, **changes: Any) -> dict[str, Any]:
    """A pull request closed by a merge, as GitHub sends it."""
    at = (NOW + timedelta(minutes=minute)).isoformat()
    pull = {
        "number": 7,
        "html_url": "https://github.com/octo/shop/pull/7",
        "state": "closed",
        "title": "Revert",
        "body": None,
        "draft": False,
        "head": {"ref": f"incident/{ID}", "repo": {"full_name": "octo/shop"}},
        "updated_at": at,
        "merged_at": at,
        "closed_at": at,
        "merged_by": {"login": "ada"},
        "merge_commit_sha": "c" * 40,
    }
    repository = {"full_name": "Octo/Shop"}
    return {
        "action": "closed",
        "pull_request": {**pull, **changes},
        "repository": repository,
        "sender": {"login": "eve"},
    }


def deliver(
    body: Any, *, name: str = "pull_request", secret: str = SECRET, signature: str | None = None
) -> tuple[int, dict[str, str]]:
    """Deliver as GitHub does; return status and answer."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = f"sha256={hmac.new(secret.encode(), content, 'sha256').hexdigest()}"
    headers = {"X-GitHub-Event": name, "X-Hub-Signature-256": signed if signature is None else signature}
    with flask.Flask(__name__).test_request_context(data=content, headers=headers, method="POST"):
        response = code_host_webhook(flask.request)
    assert isinstance(response, flask.Response)
    return response.status_code, response.get_json()


def stored() -> PullRequestRecord:
    """Return the pull request stored with the incident."""
    record = traces.connect().incident(ID)
    assert record is not None
    assert record.pull_request is not None
    return record.pull_request


def test_merge_reaches_the_incident() -> None:
    """State, time, person and merge commit are stored; other fields stay."""
    assert deliver(event())[0] == 200

    pull = stored()
    assert (pull.state, pull.by, pull.merge_commit, pull.decision) == ("merged", "ada", "c" * 40, "approve")
    assert pull.merged_at == NOW + timedelta(minutes=1)


def test_close_without_merge_is_not_a_merge() -> None:
    """The state is closed, by the sender of the event."""
    deliver(event(merged_at=None, merged_by=None))

    assert (stored().state, stored().by, stored().merge_commit) == ("closed", "eve", None)


def test_reopened_pull_request_is_open_again() -> None:
    """The latest event counts."""
    deliver(event(1, merged_at=None))
    deliver(event(2, state="open", merged_at=None, closed_at=None))

    assert stored().state == "open"


def test_late_and_repeated_deliveries_change_nothing() -> None:
    """An event older than the stored state is ignored; a repeated one changes nothing."""
    deliver(event(5))
    before = stored()

    assert "newer" in deliver(event(2, state="open", merged_at=None))[1]["message"]
    assert deliver(event(5))[0] == 200
    assert stored() == before


@pytest.mark.parametrize(
    "signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "sha256=\u00e9", "x" * 5000]
)
def test_delivery_without_our_signature_changes_nothing(signature: str) -> None:
    """401, whatever is in the header."""
    status, answer = deliver(event(), signature=signature)

    assert (status, answer["error_type"], stored().state) == (401, "WrongSignature", "open")
    assert SECRET not in json.dumps(answer)


def test_delivery_signed_with_another_secret_changes_nothing() -> None:
    """A webhook with another secret is not ours."""
    assert deliver(event(), secret="another-secret-of-many-characters")[0] == 401


def test_signature_covers_the_exact_bytes() -> None:
    """A body changed in transit is refused."""
    content = json.dumps(event()).encode()
    signature = f"sha256={hmac.new(SECRET.encode(), content, 'sha256').hexdigest()}"

    assert deliver(content + b" ", signature=signature)[0] == 401


@pytest.mark.parametrize("repo", [None, {"full_name": "eve/shop"}])
def test_branch_of_a_fork_belongs_to_no_incident(repo: Any) -> None:
    """A fork can have a branch named like ours and a copy of our hidden block."""
    block = f'<!-- incident-copilot {{"incident_id":"{ID}"}} -->'
    deliver(event(head={"ref": f"incident/{ID}", "repo": repo}, body=block))

    assert stored().state == "open"


def test_block_in_the_body_of_another_branch_changes_nothing() -> None:
    """Whoever may push a branch can copy it from a pull request of ours."""
    head = {"ref": "hotfix/cart", "repo": {"full_name": "octo/shop"}}
    deliver(event(head=head, body=f'Words\n<!-- incident-copilot {{"incident_id":"{ID}"}} -->'))

    assert stored().state == "open"


@pytest.mark.parametrize(("repo", "state"), [("octo/shop", "merged"), ("octo/other", "")])
def test_pull_request_that_was_not_recorded_counts_in_the_configured_repository(
    monkeypatch: pytest.MonkeyPatch, repo: str, state: str
) -> None:
    """pr_creator opens it and may fail to record it; a pull request elsewhere is foreign."""
    monkeypatch.setenv("SERVICE_REPOS", json.dumps({ALERT.service_name: "octo/shop"}))
    other = an_alert(incident_id="inc-20260504-00000000aa", github_repo=None)
    traces.connect().open_incident(a_record(other))
    head = {"ref": f"incident/{other.incident_id}", "repo": {"full_name": repo}}

    deliver({**event(head=head), "repository": {"full_name": repo}})

    record = traces.connect().incident(other.incident_id)
    assert record is not None
    assert (record.pull_request.state if record.pull_request else "") == state


@pytest.mark.parametrize(
    "changes",
    [
        {"head": {"ref": "main", "repo": {"full_name": "octo/shop"}}},
        {"head": {"ref": "incident/inc-unknown", "repo": {"full_name": "octo/shop"}}},
    ],
)
def test_other_pull_requests_are_ignored(changes: dict[str, Any]) -> None:
    """200, so that GitHub does not call the delivery failed."""
    assert deliver(event(**changes))[0] == 200
    assert stored().state == "open"


def test_pull_request_of_another_repository_is_ignored() -> None:
    """An incident's pull request is in the repository where we opened it."""
    body = event(head={"ref": f"incident/{ID}", "repo": {"full_name": "octo/other"}})
    deliver({**body, "repository": {"full_name": "octo/other"}})

    assert stored().state == "open"


@pytest.mark.parametrize("name", ["ping", "push", ""])
def test_other_events_are_acknowledged(name: str) -> None:
    """Whatever else the webhook is set to send."""
    assert deliver({"zen": "Keep it logically awesome."}, name=name)[0] == 200


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"[]", b"{}", b'{"action": "closed"}', b"[" * 100_000])
def test_body_of_another_shape_is_rejected(body: bytes) -> None:
    """Signed, but not a pull_request event."""
    assert deliver(body)[0] == 400


def test_huge_body_is_rejected_unread() -> None:
    """More than any event holds."""
    assert deliver(b" " * (5 * 1024 * 1024))[0] == 400


def test_webhook_that_is_not_set_up_is_not_there_and_no_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a secret no delivery is accepted unchecked, and nobody is woken."""
    monkeypatch.delenv("GITHUB_WEBHOOK_SECRET")
    status, answer = deliver(event())

    assert status == 404
    assert "GITHUB_WEBHOOK_SECRET" in answer["message"]
    assert "ERROR" not in capsys.readouterr().out


def test_secret_that_is_too_short_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is set and wrong is the operator's error."""
    monkeypatch.setenv("GITHUB_WEBHOOK_SECRET", "short")

    assert deliver(event())[1]["error_type"] == "Misconfigured"


def test_only_post_is_accepted() -> None:
    """A browser gets 405."""
    with flask.Flask(__name__).test_request_context(method="GET"):
        response = code_host_webhook(flask.request)

    assert isinstance(response, flask.Response)
    assert response.status_code == 405


def suite(conclusion: str | None = "success", app: str = "GitHub Actions", **changes: Any) -> dict[str, Any]:
    """What one app found of the branch's commit, as GitHub sends it."""
    fields = {"head_branch": f"incident/{ID}", "conclusion": conclusion, "app": {"name": app}, **changes}
    return {"action": "completed", "check_suite": fields, "repository": {"full_name": "Octo/Shop"}}


def test_checks_of_the_branch_are_recorded_and_one_that_failed_decides() -> None:
    """Each app reports by itself; what failed passes when it is run again."""
    deliver(event(state="open", merged_at=None, closed_at=None, merge_commit_sha=None))
    seen = []
    for each in (suite(), suite("failure", "Linter"), suite(), suite("success", "Linter")):
        assert deliver(each, name="check_suite")[0] == 200
        seen.append((stored().checks, stored().checks_failed))

    assert seen == [("passed", []), ("failed", ["Linter"]), ("failed", ["Linter"]), ("passed", [])]
    assert (stored().state, stored().number, stored().decision) == ("open", 7, "approve")


@pytest.mark.parametrize(
    "body",
    [
        suite("neutral"),
        suite(None),
        suite(head_branch="main"),
        suite(head_branch=None),
        suite(head_branch="incident/inc-99999999-0123456789"),
        {**suite(), "action": "requested"},
        {**suite(), "repository": {"full_name": "eve/shop"}},
    ],
)
def test_checks_that_say_nothing_of_the_draft_change_nothing(body: dict[str, Any]) -> None:
    """Of other branches and repositories, still running, or without a result."""
    deliver(event(state="open", merged_at=None, closed_at=None, merge_commit_sha=None))

    assert deliver(body, name="check_suite")[0] == 200
    assert stored().checks == ""


def test_checks_of_another_shape_are_rejected() -> None:
    """The answer names the field."""
    status, answer = deliver({"action": "completed", "repository": {"full_name": "octo/shop"}}, name="check_suite")

    assert status == 400
    assert "check_suite" in answer["message"]
