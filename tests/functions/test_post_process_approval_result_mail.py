"""After an approval: one short mail with the result."""

from typing import Any, Literal

import pytest

from functions.post_process.deliveries import Connections
from functions.post_process.messages.approval_result_mail import mail_approval_result, written
from shared import traces
from shared.contracts import Branch, Failure, Outcome, PostProcessRequest, PullRequest
from shared.errors import Unavailable
from shared.outbox.port import Mail, MailSent
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import a_record, an_alert

ALERT = an_alert()
URL = "https://github.com/octo/shop/pull/7"
OPENED = PullRequest(status="success", pr_number=7, pr_url=URL, reviewers=["ada"])


class Mailbox:
    """Keeps what is sent; `is_down` makes it fail."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.is_down = False

    def send(self, mail: Mail) -> MailSent:
        """Keep the mail, or fail."""
        if self.is_down:
            raise Unavailable("Gmail is down")
        self.mails.append(mail)
        return MailSent("m1")


def request(**changes: Any) -> PostProcessRequest:
    """What the workflow sends after an approval."""
    return PostProcessRequest(alert=ALERT, **{"pull_request": OPENED, "is_approved": True, **changes})


def channels(mailbox: Mailbox) -> Connections:
    """Return channels with the mail alone."""
    return Connections(lambda: mailbox, lambda: None, lambda: None, lambda: ("on-call@example.com",))


def test_result_is_mailed_once() -> None:
    """A repeated step sends nothing more."""
    store, mailbox = traces.connect(), Mailbox()
    store.open_incident(a_record(ALERT))

    first, second = (mail_approval_result(request(), store, channels(mailbox)) for _ in range(2))

    (mail,) = mailbox.mails
    assert (first.mail_status, second.mail_status) == ("sent", "already_sent")
    assert mail.subject == "Pull request #7 for checkout-api is open"
    assert URL in mail.text
    assert f'<a href="{URL}">' in mail.html


def test_failed_mail_is_reported_and_sent_by_the_next_attempt() -> None:
    """Nothing was sent, so it may be sent again."""
    store, mailbox = traces.connect(), Mailbox()
    mailbox.is_down = True
    assert mail_approval_result(request(), store, channels(mailbox)).mail_status == "failed"
    mailbox.is_down = False

    assert mail_approval_result(request(), store, channels(mailbox)).mail_status == "sent"


def test_published_outcome_does_not_change() -> None:
    """The incident was closed when its brief was published."""
    store = traces.connect()
    store.open_incident(a_record(ALERT))
    store.close_incident(ALERT.incident_id, {"kind": "full"})

    mail_approval_result(request(), store, channels(Mailbox()))

    record = store.incident(ALERT.incident_id)
    assert record is not None
    assert record.outcome == {"kind": "full"}


def test_pull_request_that_was_not_opened_says_why() -> None:
    """The refusal, or the failure with its step, escaped."""
    refused = Branch(status="refused", message="'a.py' does not contain <b>")
    failure = Failure(step="file_updater", error_type="Unavailable", message="GitHub is down")

    mail = written(request(pull_request=None, branch=refused, failures=[failure]), ("a@example.com",))

    assert mail.subject == "The approved pull request for checkout-api was not opened"
    assert "No branch with the patch is confirmed; it may exist. Why: GitHub is down" in mail.text
    assert "&lt;b&gt;" in mail.html


@pytest.mark.parametrize(("state", "expected"), [("approved", "not_opened"), ("open", "open")])
def test_approval_page_gets_the_reason_when_nothing_was_opened(state: str, expected: str) -> None:
    """A reloaded approval page shows the reason; a pull request that is open stays open."""
    store = traces.connect()
    store.open_incident(a_record(ALERT))
    store.set_pull_request(ALERT.incident_id, PullRequestRecord(state=state, title="Revert"))
    skipped = Branch(status="skipped", message="Incident inc-1 is writing a change of the same files.")

    mail_approval_result(request(pull_request=None, branch=skipped), store, channels(Mailbox()))

    record = store.incident(ALERT.incident_id)
    assert record is not None
    assert record.pull_request is not None
    assert record.pull_request.state == expected
    if expected == "not_opened":
        assert record.pull_request.reason == skipped.message


def test_address_in_a_failure_is_no_link() -> None:
    """Who can make a step fail, or says so, must not put a link into the mail."""
    failure = Failure(step="pr_creator", error_type="Refused", message="Sign in again: https://evil.example/login")

    mail = written(request(pull_request=None, failures=[failure]), ("on-call@example.com",))

    assert "https[:]//evil[.]example/login" in mail.text
    assert "https:" not in mail.html
    assert "<a " not in mail.html


@pytest.mark.parametrize(
    ("decision", "words"), [("decline", "Ada Lovelace declined it."), (None, "Nobody approved it in time.")]
)
def test_who_has_the_brief_learns_that_nothing_was_approved(decision: Literal["decline"] | None, words: str) -> None:
    """In the thread of the brief, once; the draft that was waited for is not linked as if it were open."""
    store, mailbox = traces.connect(), Mailbox()
    store.open_incident(a_record(ALERT))
    store.close_incident(ALERT.incident_id, Outcome(kind="full", subject="[high] checkout-api: broken").model_dump())
    by = "Ada Lovelace" if decision else ""
    store.set_pull_request(
        ALERT.incident_id,
        PullRequestRecord(state="declined" if decision else "awaiting_approval", decision=decision, decided_by=by),
    )

    for _ in range(2):
        mail_approval_result(request(is_approved=False, is_declined=True), store, channels(mailbox))

    (mail,) = mailbox.mails
    assert mail.subject == "Re: [high] checkout-api: broken"
    assert "was not approved, and nothing was written" in mail.text
    assert words in mail.text
    assert URL not in mail.text
