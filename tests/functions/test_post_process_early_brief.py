"""The early brief: the facts alone, once, before the brief, which then answers it."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from functions.post_process import main
from functions.post_process.publish_outcome import publish
from shared import clock, outbox, traces
from shared.admission.brakes import SPAN
from shared.contracts import Incident, Outcome, PostProcessRequest
from shared.errors import Rejected, Unavailable
from shared.outbox.mail.compose import compose
from tests.builders import a_record
from tests.functions import post_process_requests as requests
from tests.functions.test_post_process import People, channels

work = inspect.unwrap(main.post_process)
ID = requests.INCIDENT_ID
FACTS = requests.incident(produced_by="offline", sends_early=True)


@pytest.fixture
def people(monkeypatch: pytest.MonkeyPatch) -> People:
    """People who can be reached by mail and hook; the incident is open."""
    reached = People()
    monkeypatch.setattr(outbox, "connect_mail", lambda: reached)
    monkeypatch.setattr(outbox, "connect_hook", lambda: reached)
    monkeypatch.setenv("ON_CALL_ENGINEERS", "ada@example.com")
    traces.connect().open_incident(a_record(requests.alert()))
    return reached


def early() -> PostProcessRequest:
    """Return the request for the early brief: nothing but facts."""
    return PostProcessRequest(alert=requests.alert(), incident=FACTS, facts=FACTS, is_early=True)


def test_facts_are_sent_once_and_nothing_is_concluded(people: People) -> None:
    """What broke, since when, what changed and the errors are in it; no cause, no advice; the incident stays open."""
    for _ in range(2):
        assert work(early()).kind == "early"

    (mail,), ((payload, key),) = people.mails, people.calls
    assert (payload["kind"], key) == ("early", f"{ID}.early")
    assert (payload["most_likely_cause"], payload["recommended_action"], payload["confidence"]) == ("", "", None)
    assert not re.search(r"MOST LIKELY CAUSE|DO NOW|PULL REQUEST", mail.text)
    assert re.search(r"^ERRORS$", mail.text, re.MULTILINE)
    assert "Since 14 Mar" in mail.text
    assert mail.images, "the chart is in it"
    record = traces.connect().incident(ID)
    assert record is not None
    assert (record.state, record.outcome) == ("open", None)


def test_brief_answers_the_early_one_in_mail_and_has_its_subject(people: People, tmp_path: Path) -> None:
    """A mail program makes one thread of them, whatever became of the severity; later mails have the same subject."""
    work(early())
    judged = requests.incident(severity="critical", title="Invoices fail")

    outcome = publish(requests.full(facts=FACTS, incident=judged), traces.connect(), channels(people, tmp_path))

    first, brief = people.mails
    assert brief.in_reply_to == first.message_id != brief.message_id
    assert (brief.subject, outcome.subject) == (f"Re: {first.subject}", first.subject)
    headers = compose(brief, "copilot@example.com")
    assert f"References: {first.message_id}".encode() in headers
    assert (people.calls[1][0]["kind"], people.calls[1][1]) == ("full", ID)


def test_brief_begins_its_own_thread_where_the_early_mail_did_not_go_out(people: People, tmp_path: Path) -> None:
    """It answers no mail that nobody has."""
    people.mail_error = Unavailable("down")
    work(early())
    people.mail_error = None

    publish(requests.full(facts=FACTS), traces.connect(), channels(people, tmp_path))

    (brief,) = people.mails
    assert (brief.in_reply_to, brief.subject.startswith("Re: ")) == ("", False)


def test_nothing_comes_early_after_the_brief(people: People, tmp_path: Path) -> None:
    """A late attempt, for example after the sweeper published, is no news."""
    publish(requests.full(facts=FACTS), traces.connect(), channels(people, tmp_path))

    assert work(early()) == Outcome(kind="early")
    assert len(people.mails) == len(people.calls) == 1


def test_early_briefs_take_at_most_a_quarter_of_the_mails(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a storm they keep no alert from its investigation: the brief comes without one."""
    monkeypatch.setenv("MAILS_PER_RECIPIENT_PER_HOUR", "8")
    for number in range(2):
        traces.connect().claim(f"slot:mails:{number}", f"inc-{number}", clock.now() + SPAN)

    assert work(early()) == Outcome(kind="early")
    assert (people.mails, people.calls) == ([], [])


def test_early_brief_without_a_store_is_not_risked(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """It could come twice, or after the brief; the brief follows anyway."""
    store = traces.connect()

    def fail(_: str) -> None:
        raise Unavailable("down")

    monkeypatch.setattr(store, "incident", fail)
    monkeypatch.setattr(traces, "connect", lambda: store)

    assert work(early()).kind == "early"
    assert (people.mails, people.calls) == ([], [])


@pytest.mark.parametrize("facts", [None, FACTS.replace(sends_early=False)], ids=["none", "not to be sent"])
def test_early_brief_that_nobody_wants_is_rejected(people: People, facts: Incident | None) -> None:
    """Whoever calls: the facts themselves say whether they go out. No last message either: the brief follows."""
    with pytest.raises(Rejected, match="Nothing of"):
        work(early().replace(facts=facts, incident=facts))
    assert people.mails == []


def test_early_brief_that_is_late_is_not_sent_after_the_brief(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its hook hangs while the brief goes out: the mail that would come next does not."""

    answer = people.call

    def hang(payload: dict[str, Any], key: str, thread: str = "") -> str:
        monkeypatch.setattr(people, "call", answer)
        publish(requests.full(facts=FACTS), traces.connect(), channels(people, tmp_path))
        raise Unavailable("no reply in time")

    monkeypatch.setattr(people, "call", hang)

    with pytest.raises(Unavailable, match="early_mail"):
        work(early())
    assert [mail.message_id for mail in people.mails] == [f"<{ID}.brief@incident-copilot>"]


def test_brief_that_was_promised_is_not_left_to_another_incident(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has the facts of an incident gets its brief, also where others said the same before."""
    work(early())
    monkeypatch.setattr("functions.post_process.publish_outcome.same_as", lambda *_: "inc-said-before")

    outcome = publish(requests.full(facts=FACTS), traces.connect(), channels(people, tmp_path))

    assert (outcome.kind, len(people.mails)) == ("full", 2)
