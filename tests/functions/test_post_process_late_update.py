"""What came up after the brief: sent once by every channel, in the thread of the brief."""

import inspect
from pathlib import Path
from typing import Literal

import pytest

from functions.post_process import main
from functions.post_process.messages.late_update import publish_update
from functions.post_process.publish_outcome import publish
from shared import outbox, traces
from shared.contracts import Outcome
from shared.errors import Rejected, Unavailable
from shared.outbox.mail.compose import compose
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import a_record
from tests.functions import post_process_requests as requests
from tests.functions.test_post_process import People, channels

work = inspect.unwrap(main.post_process)
URL = "https://github.com/example/billing/pull/412"


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> People:
    """People who have a brief that says that there is no pull request; one was opened since."""
    reached = People()
    monkeypatch.setattr(outbox, "connect_mail", lambda: reached)
    monkeypatch.setattr(outbox, "connect_hook", lambda: reached)
    monkeypatch.setenv("ON_CALL_ENGINEERS", "ada@example.com")
    traces.connect().open_incident(a_record(requests.alert()))
    publish(requests.full(pull_request=None), traces.connect(), channels(reached, tmp_path))
    record = PullRequestRecord(state="open", number=412, url=URL)
    traces.connect().set_pull_request(requests.INCIDENT_ID, record)
    return reached


def stored() -> Outcome:
    """Return the published outcome."""
    record = traces.connect().incident(requests.INCIDENT_ID)
    assert record is not None
    return Outcome.model_validate(record.outcome)


def test_update_follows_the_brief_by_every_channel_once(people: People) -> None:
    """It answers the brief's mail, and the hook knows it by a key of its own; the outcome names it then."""
    assert stored().pr_url is None

    for attempt in (1, 2):
        work(requests.full(pull_request=None, update_attempt=attempt))

    brief, update = people.mails
    assert update.in_reply_to == brief.message_id
    assert URL in update.text
    assert f"In-Reply-To: {brief.message_id}".encode() in compose(update, "copilot@example.com")
    (_, first), (payload, key) = people.calls
    assert (payload["kind"], payload["pr_url"], key != first) == ("late_pull_request", URL, True)
    assert stored() == Outcome.model_validate(stored().model_dump()).replace(pr_url=URL)
    assert stored().kind == "full"


@pytest.mark.parametrize(
    ("checks", "failed", "words"), [("passed", [], "Review it as any other"), ("failed", ["CI"], "Failed: CI.")]
)
def test_checks_of_the_draft_follow_the_brief_once(
    people: People, checks: Literal["passed", "failed"], failed: list[str], words: str
) -> None:
    """Who has the brief reads in its thread whether the draft is worth a look."""
    work(requests.full(pull_request=None, update_attempt=1))
    record = PullRequestRecord(state="open", number=412, url=URL, checks=checks, checks_failed=failed)
    traces.connect().set_pull_request(requests.INCIDENT_ID, record)

    for attempt in (2, 3):
        work(requests.full(update_attempt=attempt))

    brief, _, update = people.mails
    assert (update.in_reply_to, update.subject) == (brief.message_id, f"Re: {brief.subject}")
    assert f"The checks of the drafted pull request {checks}" in update.text
    assert words in update.text
    assert people.calls[-1][0]["kind"] == "checks"
    assert (len(people.calls), stored().checks) == (3, checks)


def test_update_that_no_channel_takes_comes_again(people: People) -> None:
    """The outcome does not name what nobody was sent."""
    people.mail_error = people.hook_error = Unavailable("down")
    with pytest.raises(Unavailable, match="No channel took the update"):
        work(requests.full(pull_request=None, update_attempt=1))
    assert stored().pr_url is None

    people.mail_error = None
    work(requests.full(pull_request=None, update_attempt=2))

    assert (len(people.mails), stored().pr_url) == (2, URL)


def test_update_without_a_pull_request_is_rejected(people: People) -> None:
    """There is nothing to say."""
    traces.connect().set_pull_request(requests.INCIDENT_ID, PullRequestRecord(state="not_opened"))

    with pytest.raises(Rejected):
        publish_update(requests.full(update_attempt=1), traces.connect(), channels(people, Path()))
