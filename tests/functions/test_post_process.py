"""Publishing once, whatever fails; with the real store, and real channels where HTTP matters, else fakes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest

from functions.post_process.deliveries import Connections
from functions.post_process.main import post_process
from functions.post_process.publish_outcome import publish
from functions.post_process.publisher import SENDING
from infra.local.sandboxes.gmail.server import GmailSandbox
from infra.local.sandboxes.hook.server import HookSandbox
from shared import clock
from shared.admission.service_window import published_at
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Unavailable, Uncertain
from shared.outbox.archive import ArchiveSettings, FileArchive
from shared.outbox.port import Mail, MailSent
from shared.step.steps import POST_PROCESS
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord, Run
from tests import step_calls
from tests.functions import post_process_requests as requests

ID = requests.INCIDENT_ID


@dataclass
class People:
    """Who gets mails and hook calls: keeps them, or fails with `mail_error` or `hook_error` when set."""

    mails: list[Mail] = field(default_factory=list)
    calls: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    mail_error: IncidentCopilotError | None = None
    hook_error: IncidentCopilotError | None = None

    def send(self, mail: Mail) -> MailSent:
        """Keep the mail, or fail."""
        if self.mail_error:
            raise self.mail_error
        self.mails.append(mail)
        return MailSent(f"m{len(self.mails)}")

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """Keep the call, or fail."""
        if self.hook_error:
            raise self.hook_error
        self.calls.append((payload, key))
        return key


class UnreachableStore:
    """A store that cannot be reached, whatever is called."""

    def __getattr__(self, name: str) -> Any:
        def unreachable(*_: object, **__: object) -> NoReturn:
            raise Unavailable("The store cannot be reached")

        return unreachable


@pytest.fixture
def people() -> People:
    """People who can be reached."""
    return People()


@pytest.fixture
def store(store: EmbeddedTraces) -> EmbeddedTraces:
    """A real store with the incident open and its service claimed."""
    now = clock.now()
    store.open_incident(IncidentRecord(ID, "billing-worker", "open", now, now, {}))
    store.claim("service:billing-worker", ID, now + timedelta(hours=1))
    return store


def channels(people: People, folder: Path, **changes: Any) -> Connections:
    """Return channels to these people and this folder."""
    archive = FileArchive(ArchiveSettings(save_output=True, output_dir=folder))
    open_channels = Connections(lambda: people, lambda: people, lambda: archive, lambda: ("ada@example.com",))
    return replace(open_channels, **changes)


def die() -> NoReturn:
    """Stop as a killed process does."""
    raise KeyboardInterrupt


def refuse(error: IncidentCopilotError) -> Any:
    """Return a channel that cannot be connected."""

    def channel() -> NoReturn:
        raise error

    return channel


def test_full_incident_is_published_everywhere_once(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """Hook, mail and archive get it, the incident closes with the outcome, and takes what its service still sends."""
    outcome = publish(requests.full(), store, channels(people, tmp_path))

    assert outcome.receipts == {"hook": ID, "mail": "m1", "archive": str(tmp_path / ID / "brief.html")}
    record = store.incident(ID)
    lease = store.claim("service:billing-worker", "next", clock.now() + timedelta(hours=1))
    assert (outcome.kind, outcome.mail_status, outcome.hook_status) == ("full", "sent", "called")
    assert record is not None
    assert (record.state, record.outcome) == ("closed", outcome.model_dump(mode="json"))
    assert (lease.holder, published_at(lease) is not None) == (ID, True)
    assert outcome.subject == people.mails[0].subject
    assert (people.mails[0].to, people.mails[0].message_id) == (("ada@example.com",), f"<{ID}.brief@incident-copilot>")
    assert people.calls[0][1] == ID
    assert people.calls[0][0]["incident"]["severity"] == "high"


def test_archive_holds_brief_text_request_and_outcome(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """Four files are stored under the incident's id, and the outcome names the first."""
    outcome = publish(requests.full(), store, channels(people, tmp_path))

    folder = tmp_path / ID
    assert {path.name for path in folder.iterdir()} == {"brief.html", "brief.txt", "incident.json", "outcome.json"}
    assert outcome.archived_path == str(folder / "brief.html")
    assert Outcome.model_validate_json((folder / "outcome.json").read_text()) == outcome
    assert "data:image/png" in (folder / "brief.html").read_text()


def test_second_publish_repeats_nothing(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """A second call finds the mail and the hook's call done."""
    publish(requests.full(), store, channels(people, tmp_path))
    again = publish(requests.full(), store, channels(people, tmp_path))

    assert (again.mail_status, again.hook_status) == ("already_sent", "already_called")
    assert (len(people.mails), len(people.calls)) == (1, 1)


def test_dismissed_alert_gets_a_short_mail(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """A dismissal is published too, and says how many lines were read."""
    outcome = publish(requests.dismissed(), store, channels(people, tmp_path))

    assert outcome.kind == "dismissed"
    assert people.mails[0].subject.startswith("[dismissed] billing-worker")
    assert "18,204" in people.mails[0].text


def test_hook_failure_is_named_in_the_mail(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """The hook is called first, so that the mail can say that it failed."""
    people.hook_error = Unavailable("The hook at 'x' cannot be reached")

    outcome = publish(requests.full(), store, channels(people, tmp_path))

    assert (outcome.kind, outcome.hook_status, outcome.mail_status) == ("degraded", "failed", "sent")
    assert "The system behind POST_PROCESS_URL was not notified" in people.mails[0].text


def test_mail_failure_is_named_in_the_archived_brief(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """The file says that the mail was not sent, and what to do."""
    people.mail_error = Refused("Gmail's refresh token has expired (invalid_grant). Renew it")

    outcome = publish(requests.full(), store, channels(people, tmp_path))

    assert (outcome.kind, outcome.mail_status) == ("degraded", "failed")
    assert "invalid_grant" in (tmp_path / ID / "brief.html").read_text()


def test_failed_mail_can_be_sent_later(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """A mail that was certainly not sent releases its lease."""
    people.mail_error = Unavailable("no connection")
    publish(requests.full(), store, channels(people, tmp_path))

    people.mail_error = None
    again = publish(requests.full(), store, channels(people, tmp_path))

    assert again.mail_status == "sent"


def test_later_mail_amends_the_outcome_once_it_is_sent(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """The hook is not called again; a retry that fails too does not change the published outcome."""
    people.mail_error = Unavailable("no connection")
    first = publish(requests.full(), store, channels(people, tmp_path))
    again = requests.full().model_copy(update={"mail_attempt": 1})
    publish(again, store, channels(people, tmp_path))
    record = store.incident(ID)
    assert record is not None
    assert record.outcome == first.model_dump(mode="json")

    people.mail_error = None
    second = publish(again, store, channels(people, tmp_path))

    record = store.incident(ID)
    assert record is not None
    assert record.outcome == second.model_dump(mode="json")
    assert (second.kind, second.mail_status, second.hook_status) == ("full", "sent", "already_called")
    assert (len(people.mails), len(people.calls)) == (1, 1)


def test_later_hook_amends_the_outcome_while_the_mail_still_fails(
    store: EmbeddedTraces, people: People, tmp_path: Path
) -> None:
    """Each channel counts for itself."""
    people.mail_error = people.hook_error = Unavailable("no connection")
    first = publish(requests.full(), store, channels(people, tmp_path))
    assert first.delivered_by == set()

    people.hook_error = None
    publish(requests.full().model_copy(update={"mail_attempt": 1}), store, channels(people, tmp_path))

    record = store.incident(ID)
    assert record is not None
    assert record.outcome is not None
    assert (record.outcome["mail_status"], record.outcome["hook_status"]) == ("failed", "called")


def test_mail_that_may_have_been_sent_is_not_repeated_immediately(
    store: EmbeddedTraces, people: People, tmp_path: Path
) -> None:
    """A mail that may have been sent keeps its lease: the next attempt does not mail twice."""
    people.mail_error = Uncertain("no reply")
    publish(requests.full(), store, channels(people, tmp_path))

    people.mail_error = None
    with pytest.raises(Unavailable, match="Another attempt holds the mail lease"):
        publish(requests.full(), store, channels(people, tmp_path))

    assert people.mails == []


@pytest.mark.parametrize("dies_at", ["hook", "mail"])
def test_attempt_killed_while_publishing_leaves_it_to_a_later_one(
    store: EmbeddedTraces, people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: str
) -> None:
    """The incident stays open and unpublished; once the killed attempt's lease has expired, a later one publishes."""
    with pytest.raises(KeyboardInterrupt):
        publish(requests.full(), store, channels(people, tmp_path, **{dies_at: die}))

    with pytest.raises(Unavailable, match=f"Another attempt holds the {dies_at} lease"):
        publish(requests.full(), store, channels(people, tmp_path))
    assert len(people.mails) == (1 if dies_at == "hook" else 0), "what another attempt holds delays no other channel"
    record = store.incident(ID)
    assert record is not None
    assert record.state == "open"
    later = clock.now() + SENDING
    monkeypatch.setattr(clock, "now", lambda: later)

    assert publish(requests.full(), store, channels(people, tmp_path)).kind == "full"
    assert (len(people.mails), len(people.calls)) == (1, 1)


def test_attempts_at_once_publish_once_and_say_so(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """Five at once, like a slow workflow and sweeps: one mail, one call; a late one finds it published or retries."""
    barrier = threading.Barrier(5)

    def attempt(_: int) -> Outcome | None:
        barrier.wait(20)
        try:
            return publish(requests.full(), store, channels(people, tmp_path))
        except Unavailable:
            return None

    with ThreadPoolExecutor(5) as pool:
        outcomes = [outcome for outcome in pool.map(attempt, range(5)) if outcome]
    # Each may have held a channel of the other; the workflow calls again then.
    outcomes = outcomes or [publish(requests.full(), store, channels(people, tmp_path))]

    record = store.incident(ID)
    assert record is not None
    assert record.outcome is not None
    assert (len(people.mails), len(people.calls)) == (1, 1)
    assert {outcome.kind for outcome in outcomes} == {record.outcome["kind"]} == {"full"}
    assert record.outcome["mail_status"] in ("sent", "already_sent")


def test_brief_that_no_channel_took_is_undelivered_and_not_closed(store: EmbeddedTraces, tmp_path: Path) -> None:
    """With hook, mail and archive broken nobody knows of it: only a receipt ends an incident."""
    broken = People(mail_error=Refused("no"), hook_error=Refused("no"))
    blocked = tmp_path / "file"
    blocked.write_text("")

    outcome = publish(requests.full(), store, channels(broken, blocked))

    record = store.incident(ID)
    assert [failure.step for failure in outcome.failures] == ["hook", "mail", "archive"]
    assert (outcome.kind, outcome.receipts, outcome.archived_path) == ("undelivered", {}, None)
    assert record is not None
    assert (record.state, record.outcome) == ("undelivered", outcome.model_dump(mode="json"))
    assert store.incidents(state="open") == []


def test_file_of_a_brief_is_no_receipt(store: EmbeddedTraces, tmp_path: Path) -> None:
    """An archive wakes nobody."""
    broken = People(mail_error=Refused("no"), hook_error=Refused("no"))

    outcome = publish(requests.full(), store, channels(broken, tmp_path))

    assert (outcome.kind, set(outcome.receipts)) == ("undelivered", {"archive"})


def test_receipt_of_another_message_does_not_count_for_the_brief(store: EmbeddedTraces, tmp_path: Path) -> None:
    """An earlier message of the incident was taken; that says nothing about the brief."""
    for name in ("follow_up", "early"):
        store.claim(f"{name}:{ID}", "earlier", clock.now() + timedelta(days=1), {"receipt": "m1"})
    broken = People(mail_error=Refused("no"), hook_error=Refused("no"))

    assert publish(requests.full(), store, channels(broken, tmp_path)).kind == "undelivered"


@pytest.mark.parametrize("again", ["hook", "mail"])
def test_undelivered_brief_is_published_by_the_first_channel_that_takes_it(
    store: EmbeddedTraces, people: People, tmp_path: Path, again: str
) -> None:
    """The retry closes the incident with the kind it has, and it takes what the service sends from then on."""
    people.mail_error = people.hook_error = Unavailable("no connection")
    publish(requests.full(), store, channels(people, tmp_path))

    setattr(people, f"{again}_error", None)
    outcome = publish(requests.full().model_copy(update={"mail_attempt": 1}), store, channels(people, tmp_path))

    record = store.incident(ID)
    assert record is not None
    assert record.state == "closed"
    assert record.outcome == outcome.model_dump(mode="json")
    assert outcome.kind == "degraded"
    assert outcome.delivered_by == {again}
    assert again in outcome.receipts
    assert store.claim("service:billing-worker", "next", clock.now() + timedelta(hours=1)).holder == ID


def test_unreachable_store_does_not_stop_the_mail(people: People, tmp_path: Path) -> None:
    """Without the trace store people still get the mail, which says once that the store failed."""
    outcome = publish(requests.full(), UnreachableStore(), channels(people, tmp_path))

    assert (outcome.mail_status, outcome.hook_status) == ("sent", "called")
    assert [failure.step for failure in outcome.failures] == ["traces"]
    assert "The trace of the incident has gaps" in people.mails[0].text


def test_without_any_channel_the_brief_is_undelivered_and_says_what_to_set(
    store: EmbeddedTraces, people: People, tmp_path: Path
) -> None:
    """A system without channels notifies nobody; the log, the trace and the archived brief name the settings."""
    archive = channels(people, tmp_path).archive
    closed = Connections(lambda: None, lambda: None, archive, lambda: ())

    outcome = publish(requests.full(), store, closed)

    assert (outcome.kind, outcome.mail_status, outcome.hook_status) == ("undelivered", "off", "off")
    assert [failure.step for failure in outcome.failures] == ["delivery"]
    assert "POST_PROCESS_URL" in (tmp_path / ID / "brief.txt").read_text()


@pytest.mark.parametrize("channel", ["mail", "on_call"])
def test_wrong_mail_settings_are_a_named_failure(
    store: EmbeddedTraces, people: People, tmp_path: Path, channel: str
) -> None:
    """A missing variable stops the mail, not the hook and the archive."""
    shut = channels(people, tmp_path, **{channel: refuse(Misconfigured("GMAIL_CLIENT_ID: Field required"))})

    outcome = publish(requests.full(), store, shut)

    assert (outcome.mail_status, outcome.hook_status) == ("failed", "called")
    assert outcome.failures[0].message == "GMAIL_CLIENT_ID: Field required"
    assert "GMAIL_CLIENT_ID" in (tmp_path / ID / "brief.txt").read_text()


def test_cost_is_summed_over_the_runs(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """Tokens and dollars of every agent's runs are in the outcome and at the end of the brief."""
    now = clock.now()
    for agent, tokens in (("IncidentDetectionAgent", 900), ("RCAAgent", 100)):
        store.record_run(ID, Run(agent, now, now, {}, {}, tokens_in=tokens, tokens_out=50, cost_usd=0.002))

    outcome = publish(requests.full(), store, channels(people, tmp_path))

    assert outcome.tokens == 1_100
    assert outcome.cost_usd == pytest.approx(0.004)
    assert "1,100 tokens, $0.0040" in people.mails[0].text
    assert outcome.duration_ms > 0


def test_deployed_function_mails_calls_and_answers_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Over real HTTP: one mail, one call, an outcome; the same request again gets the same answer."""
    with GmailSandbox(tmp_path / "mails") as gmail, HookSandbox(tmp_path / "calls") as hook:
        for name, value in {
            **gmail.grant.settings(gmail.url),
            "ON_CALL_ENGINEERS": '["ada@example.com"]',
            "POST_PROCESS_URL": hook.url,
            "SAVE_OUTPUT": "true",
            "OUTPUT_DIR": str(tmp_path / "output"),
        }.items():
            monkeypatch.setenv(name, value)
        request = requests.full()

        answers = [step_calls.called(post_process, request) for _ in range(2)]

        assert answers[0] == answers[1]
        assert answers[0][0] == 200
        outcome = step_calls.answer_of(POST_PROCESS, request).body
        assert (outcome["mail_status"], outcome["hook_status"]) == ("sent", "called")
        assert (len(gmail.mails), len(hook.calls)) == (1, 1)
        assert (tmp_path / "output" / ID / "brief.html").exists()


def cannot_tell(
    number: int, store: EmbeddedTraces, missing: str = "No log line was found; 7 more."
) -> PostProcessRequest:
    """Return the request for an incident of which nobody can tell, which is open in the store."""
    incident_id, now = f"inc-20260314-{number:06d}", clock.now()
    store.open_incident(IncidentRecord(incident_id, "billing-worker", "open", now, now, {}))
    unknown = requests.incident(verdict="cannot_tell", missing=[missing], incident_detected=False)
    return PostProcessRequest(alert=requests.alert(incident_id=incident_id), incident=unknown)


def test_reason_of_a_cannot_tell_is_published_once(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """Later alerts of the service are parts of the first, whatever numbers the reason holds; another reason is not."""
    outcomes = [
        publish(cannot_tell(n, store, f"No log line; {n} more."), store, channels(people, tmp_path)) for n in (1, 2, 3)
    ]
    other = publish(cannot_tell(4, store, "The logs could not be read."), store, channels(people, tmp_path))

    assert [outcome.kind for outcome in outcomes] == ["full", "merged", "merged"]
    assert outcomes[2].merged_into == "inc-20260314-000001"
    assert other.kind == "full"
    assert len(people.mails) == 2
    first = store.incident("inc-20260314-000001")
    assert first is not None
    assert first.merged_alerts == 2


def test_reason_that_reached_nobody_is_said_again(store: EmbeddedTraces, people: People, tmp_path: Path) -> None:
    """A brief that was not delivered is no reason to be silent."""
    people.mail_error = people.hook_error = Unavailable("nobody is there")
    publish(cannot_tell(1, store), store, channels(people, tmp_path))
    people.mail_error = people.hook_error = None

    assert publish(cannot_tell(2, store), store, channels(people, tmp_path)).kind == "full"
    assert len(people.mails) == 1


def test_dead_store_does_not_hide_a_reason(people: People, tmp_path: Path) -> None:
    """Twice is better than never."""
    request = PostProcessRequest(
        alert=requests.alert(), incident=requests.incident(verdict="cannot_tell", missing=["No log line."])
    )

    for _ in range(2):
        publish(request, UnreachableStore(), channels(people, tmp_path))
    assert len(people.mails) == 2
