"""The approval page: its link shows the change, its form decides, once."""

import html
import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import flask
import pytest
from pydantic import SecretStr

from functions.pr_approval.approval_service import UNNAMED, ApprovalService, shown_hash
from functions.pr_approval.main import pr_approval
from infra.local.sandboxes.http import Reply, Request, Sandbox
from shared import clock, signatures, traces
from shared.errors import Refused, Rejected
from shared.pull_request import approval
from shared.pull_request.approval import Waiting
from shared.pull_request.signing import ApprovalSettings
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import a_record, an_alert

KEY = "a signing key of at least 32 characters"
ALERT = an_alert()
ID = ALERT.incident_id
DIFF = "@@ -1 +1 @@\n-return <old>\n+return new\n"
SETTINGS = ApprovalSettings(approval_signing_key=SecretStr(KEY), approval_url="https://approve.example.com/")
ABOUT = approval.hash_of("\0".join(["octo/shop", "main", DIFF]))


class Workflows(Sandbox):
    """Receives callbacks; answers `status`."""

    status = 200

    def answer(self, request: Request) -> Reply:
        """Answer the callback."""
        return Reply.of_json({}, self.status)

    def decisions(self) -> list[str]:
        """Return the decisions that were called back."""
        return [request.json()["decision"] for request in self.requests]


@pytest.fixture
def workflows(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workflows]:
    """A workflow that waits for approval of a checked patch."""
    monkeypatch.setenv("APPROVAL_SIGNING_KEY", KEY)
    monkeypatch.setenv("APPROVAL_URL", SETTINGS.approval_url)
    with Workflows() as listening:
        monkeypatch.setenv("WORKFLOW_CALLBACK_ROOT", f"{listening.url}/")
        store = traces.connect()
        store.open_incident(a_record(ALERT))
        waiting = Waiting(
            title="Revert <script>alert(1)</script>",
            body="Evidence & <b>more</b>",
            repo="octo/shop",
            branch=f"incident/{ID}",
            base_branch="main",
            base_commit="a" * 40,
            diff_ref=store.keep_text(ID, "patch", DIFF),
            callback_url=f"{listening.url}/v1/callbacks/1",
            approve_until=clock.now() + timedelta(hours=1),
        )
        approval.ask(store, ID, waiting)
        yield listening


def confirmation(**changes: Any) -> str:
    """A form's token that is good for an hour."""
    until = clock.now() + timedelta(hours=1)
    facts = {"purpose": "confirm on the page", "incident_id": ID, "until": until, "about": ABOUT}
    return SETTINGS.sign(**{**facts, **changes})


def code() -> str:
    """Return the code of the mail."""
    until = state().approve_until
    assert until is not None
    return SETTINGS.code(ID, until)


def visit(
    form: dict[str, str] | None = None, method: str = "", headers: dict[str, str] | None = None, incident: str = ID
) -> flask.Response:
    """Open the page's address, or send a form there, as a browser does."""
    verb = method or ("GET" if form is None else "POST")
    path = f"/?incident={incident}"
    with flask.Flask(__name__).test_request_context(path, data=form, method=verb, headers=headers or {}):
        response = pr_approval(flask.request)
    assert isinstance(response, flask.Response)
    return response


def opened() -> flask.Response:
    """Send the code of the mail; return the page with the change."""
    return visit({"incident": ID, "code": code()})


def confirm_of(response: flask.Response) -> str:
    """Return the hidden field of the page."""
    match = re.search(r'name="confirm" value="([^"]+)"', response.get_data(as_text=True))
    assert match is not None
    return html.unescape(match[1])


def decided(decision: str) -> flask.Response:
    """Open the page and send its form."""
    return visit({"confirm": confirm_of(opened()), "decision": decision, "by": "Ada Lovelace"})


def state() -> PullRequestRecord:
    """Return the pull request stored with the incident."""
    record = traces.connect().incident(ID)
    assert record is not None
    assert record.pull_request is not None
    return record.pull_request


def test_address_shows_nothing_of_the_incident(workflows: Workflows) -> None:
    """It stands in logs and archives; only the code of the mail opens it."""
    page = visit().get_data(as_text=True)

    assert "Code from the mail" in page
    assert "octo/shop" not in page
    assert "&lt;b&gt;" in visit(incident="<b>").get_data(as_text=True)


def test_code_shows_the_diff_and_decides_nothing(workflows: Workflows) -> None:
    """Looking at the change changes nothing."""
    response = opened()
    page = response.get_data(as_text=True)

    assert response.status_code == 200
    assert "octo/shop" in page
    assert '<span class="removed">-return &lt;old&gt;</span>' in page
    assert "<script>" not in page
    assert "<b>more" not in page
    assert (workflows.requests, state().state) == ([], "awaiting_approval")


def test_page_runs_and_loads_nothing_and_cannot_be_framed(workflows: Workflows) -> None:
    """What it shows is neither cached nor sent on."""
    headers = opened().headers

    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")


@pytest.mark.parametrize(("decision", "expected"), [("approve", "approved"), ("decline", "declined")])
def test_form_decides_and_calls_the_workflow_back(workflows: Workflows, decision: str, expected: str) -> None:
    """The decision is stored with the incident and called back."""
    assert decided(decision).status_code == 200

    assert (workflows.decisions(), state().state, state().decision) == ([decision], expected, decision)
    assert approval.is_approved(traces.connect(), ID, DIFF) is (decision == "approve")
    assert state().decided_by == "Ada Lovelace"


def test_code_decides_once(workflows: Workflows) -> None:
    """After the decision the form is gone, and a form from before does nothing."""
    confirm = confirm_of(opened())
    decided("approve")

    again = visit({"confirm": confirm, "decision": "decline", "by": "Eve"})

    assert "approved" in again.get_data(as_text=True)
    assert 'name="confirm"' not in opened().get_data(as_text=True)
    assert (workflows.decisions(), state().decision) == (["approve"], "approve")


def test_first_of_two_decisions_counts(workflows: Workflows) -> None:
    """Two people press different buttons at once: one wins, and the workflow receives only that one."""
    workflows.status = 503
    decided("approve")
    workflows.status = 200

    decided("decline")

    assert (workflows.decisions(), state().decision) == (["approve", "approve"], "approve")


def test_callback_that_failed_can_be_sent_again(workflows: Workflows) -> None:
    """The decision is stored, the page says it did not arrive and offers the form again."""
    workflows.status = 500
    assert decided("approve").status_code == 504
    workflows.status = 200

    assert decided("approve").status_code == 200
    assert workflows.decisions() == ["approve", "approve"]


def test_workflow_that_has_ended_is_reported(workflows: Workflows) -> None:
    """No execution waits for the decision any more."""
    workflows.status = 404

    assert decided("approve").status_code == 424


@pytest.mark.parametrize("typed", ["", "x", "AAAA-BBBB-CCCC", "0" * 5000, "\u0661\u0662", "é"])
def test_wrong_code_shows_nothing(workflows: Workflows, typed: str) -> None:
    """400 without any detail of the incident."""
    response = visit({"incident": ID, "code": typed})

    assert response.status_code == 400
    assert "octo/shop" not in response.get_data(as_text=True)


def test_code_of_another_incident_or_time_shows_nothing(workflows: Workflows) -> None:
    """It is good for one incident, until one time."""
    until = state().approve_until
    assert until is not None
    other = SETTINGS.code("inc-20260504-9999999999", until)
    later = SETTINGS.code(ID, until + timedelta(seconds=1))

    assert [visit({"incident": ID, "code": each}).status_code for each in (other, later)] == [400, 400]
    assert visit({"incident": "inc-20260504-9999999999", "code": other}).status_code == 400


def test_code_is_read_as_people_type_it(workflows: Workflows) -> None:
    """In small letters, with blanks for hyphens."""
    assert visit({"incident": ID, "code": code().lower().replace("-", " ")}).status_code == 200


def test_code_is_no_longer_good_after_its_time(workflows: Workflows) -> None:
    """The change may not fit any more, and the execution has ended."""
    past = clock.now() - timedelta(seconds=2)
    traces.connect().set_pull_request(ID, state().replace(approve_until=past))

    response = visit({"incident": ID, "code": code()})

    assert response.status_code == 400
    assert "expired" in response.get_data(as_text=True)


@pytest.mark.parametrize(
    "form",
    [
        {"decision": "approve"},
        {"confirm": "x", "decision": "approve"},
        {"confirm": confirmation(purpose="open the page"), "decision": "approve"},
        {"confirm": confirmation(incident_id="inc-20260504-other"), "decision": "approve"},
        {"confirm": confirmation(until=clock.now() - timedelta(1)), "decision": "approve"},
        {"confirm": confirmation()[:-1] + "~", "decision": "approve"},
        {"confirm": "." * 500, "decision": "approve"},
        {"confirm": confirmation(), "decision": "merge"},
    ],
)
def test_form_that_is_not_from_the_page_decides_nothing(workflows: Workflows, form: dict[str, str]) -> None:
    """Another site that knows the link still cannot send a valid form."""
    assert visit(form).status_code == 400
    assert (workflows.requests, state().state) == ([], "awaiting_approval")


@pytest.mark.parametrize("name", ["", " ", "x", "x" * 81])
def test_decision_without_a_name_is_none(workflows: Workflows, name: str) -> None:
    """Who approved stands in the trace and in the log."""
    form = {"confirm": confirm_of(opened()), "decision": "approve", "by": name}

    assert visit(form).status_code == 400
    assert (workflows.requests, state().state) == ([], "awaiting_approval")


def test_approval_is_good_for_the_change_that_was_shown(workflows: Workflows) -> None:
    """Another change, also of the same incident, is not approved."""
    decided("approve")

    with pytest.raises(Refused, match="not the one that was approved"):
        approval.is_approved(traces.connect(), ID, DIFF.replace("new", "evil"))


def test_form_decides_on_the_change_that_its_page_showed(workflows: Workflows) -> None:
    """Another run, or another account, may replace what waits while somebody reads it."""
    confirm = confirm_of(opened())
    store = traces.connect()
    store.set_pull_request(ID, state().replace(diff_ref=store.keep_text(ID, "patch", DIFF.replace("new", "other"))))

    response = visit({"confirm": confirm, "decision": "approve", "by": "Ada Lovelace"})

    assert response.status_code == 400
    assert (state().decision, workflows.requests) == (None, [])


def test_decision_on_an_earlier_change_is_none_on_a_later_one(workflows: Workflows) -> None:
    """Whoever declines never approves, whatever was approved before."""
    earlier = ApprovalService(SETTINGS, traces.connect()).open(ID, code())
    approval.decide(traces.connect(), ID, "approve", shown_hash(earlier), clock.now() + timedelta(days=1))
    store = traces.connect()
    store.set_pull_request(ID, state().replace(diff_ref=store.keep_text(ID, "patch", DIFF.replace("new", "other"))))

    decided("decline")

    assert state().decision == "decline"


def test_name_of_who_declined_is_not_under_an_approval(workflows: Workflows) -> None:
    """The store may fail after the first decision and before the name of who took it."""
    earlier = ApprovalService(SETTINGS, traces.connect()).open(ID, code())
    approval.decide(traces.connect(), ID, "approve", shown_hash(earlier), clock.now() + timedelta(days=1))

    decided("decline")

    assert (state().decision, state().decided_by) == ("approve", UNNAMED)


def test_page_shows_characters_that_hide_or_reorder_code(workflows: Workflows) -> None:
    """A line must read as it runs."""
    store = traces.connect()
    diff = "+if user:\u202e # admin\rdelete()\u200b\n"
    store.set_pull_request(ID, state().replace(diff_ref=store.keep_text(ID, "patch", diff)))

    page = opened().get_data(as_text=True)

    assert "\u27e8U+202E\u27e9 # admin\u27e8U+000D\u27e9delete()\u27e8U+200B\u27e9" in page


def test_page_shows_characters_that_look_like_others(workflows: Workflows) -> None:
    """Two names that look the same are two names."""
    store = traces.connect()
    diff = "+if \u0430dmin or \u3164:\n"
    store.set_pull_request(ID, state().replace(diff_ref=store.keep_text(ID, "patch", diff)))

    assert "+if \u27e8U+0430\u27e9dmin or \u27e8U+3164\u27e9:" in opened().get_data(as_text=True)


def test_page_wraps_what_stands_behind_many_spaces(workflows: Workflows) -> None:
    """Nobody scrolls to the right to read a change."""
    page = opened().get_data(as_text=True)

    assert "white-space:pre-wrap" in page
    assert "overflow-x" not in page


def test_approval_that_another_account_wrote_is_none(workflows: Workflows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every function's account may write the store; only pr_approval has the key."""
    private, public = signatures.new_pair()
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({"pr_approval": public}))
    monkeypatch.setenv("STEP_SIGNING_KEY", signatures.new_pair()[0])
    decided("approve")

    with pytest.raises(Refused, match="not signed by pr_approval"):
        approval.is_approved(traces.connect(), ID, DIFF)

    monkeypatch.setenv("STEP_SIGNING_KEY", private)
    signed = approval.signed(ID, state(), "approve", "Ada Lovelace", DIFF)
    traces.connect().set_pull_request(ID, signed)
    assert approval.is_approved(traces.connect(), ID, DIFF)


def test_form_sent_from_another_site_decides_nothing(workflows: Workflows) -> None:
    """Browsers say where a form came from."""
    form = {"confirm": confirm_of(opened()), "decision": "approve"}

    assert visit(form, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert workflows.requests == []


def test_callback_to_another_host_is_never_called(workflows: Workflows, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our token goes to no address but that of Workflows."""
    monkeypatch.setenv("WORKFLOW_CALLBACK_ROOT", "https://workflowexecutions.googleapis.com/")

    assert decided("approve").status_code == 424
    assert workflows.requests == []


def test_open_pull_request_is_linked_from_the_page(workflows: Workflows) -> None:
    """A person who comes back finds it."""
    opened_now = state().replace(state="open", url="https://github.com/octo/shop/pull/7", title="R")
    traces.connect().set_pull_request(ID, opened_now)

    assert "https://github.com/octo/shop/pull/7" in opened().get_data(as_text=True)


def test_other_methods_are_refused(workflows: Workflows) -> None:
    """Only GET and POST are allowed."""
    assert visit(method="DELETE").status_code == 405


def test_page_that_is_not_set_up_is_not_there_and_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a key there is no code, so nobody is woken when somebody opens the address."""
    assert visit().status_code == 404
    assert "ERROR" not in capsys.readouterr().out


def test_wrong_key_is_not_shown_to_visitors(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator reads it in the log; the page says only that the error is ours."""
    monkeypatch.setenv("APPROVAL_SIGNING_KEY", "short")

    response = visit()

    assert response.status_code == 500
    assert "APPROVAL_SIGNING_KEY" not in response.get_data(as_text=True)


def test_signature_is_valid_for_its_purpose_only() -> None:
    """What is signed to open the page cannot confirm a decision."""
    assert SETTINGS.verify("confirm on the page", confirmation(), ABOUT) == ID
    with pytest.raises(Rejected):
        SETTINGS.verify("open the page", confirmation(), ABOUT)


@pytest.mark.parametrize(
    "url", ["https://evil.example/octo/shop/pull/7", "https://github.com@evil.example.com/x", "javascript:x"]
)
@pytest.mark.usefixtures("workflows")
def test_address_of_another_system_is_no_link(url: str) -> None:
    """Every function's account can write the record of a pull request."""
    traces.connect().set_pull_request(ID, state().replace(state="open", url=url, title="R"))

    assert "<a " not in opened().get_data(as_text=True)


def test_page_shows_no_secret_and_approves_the_very_change(workflows: Workflows) -> None:
    """Lines around a change may hold a secret; what is redacted in them is bound by its hash."""
    diff = " DB_PASSWORD=hunter2x\n-return old\n+return new\n"
    store = traces.connect()
    store.set_pull_request(ID, state().replace(diff_ref=store.keep_text(ID, "patch", approval.reviewable(diff))))

    page = opened().get_data(as_text=True)
    decided("approve")

    assert "hunter2x" not in page
    assert "+return new" in page
    assert approval.is_approved(store, ID, diff)
    with pytest.raises(Refused, match="not the one that was approved"):
        approval.is_approved(store, ID, diff.replace("hunter2x", "hunter3x"))
