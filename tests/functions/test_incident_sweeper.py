"""Publishing what no workflow publishes: which incidents, from which data, once, and what happens on failure."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import functions_framework
import pytest
from google.oauth2 import id_token

from functions.incident_sweeper.delivery_retry import MAX_PAUSE, Retries, RetryPlan
from functions.incident_sweeper.last_message import LastChannels, send
from functions.incident_sweeper.post_process_client import PostProcessClient, PostProcessSettings
from functions.incident_sweeper.step_calls import call_of
from functions.incident_sweeper.sweep import Sweep, SweepSettings
from infra import bundle
from shared import clock, traces
from shared.admission.service_window import published_at
from shared.cloud import workflows
from shared.cloud.deadline import DeadlineSettings
from shared.contracts import Failure, Outcome, StepCall, StepResult
from shared.errors import BadAnswer, IncidentCopilotError, Refused, Rejected, Throttled, Unavailable, Uncertain
from shared.outbox.port import Mail, MailSent
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord, Run, RunError
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import trace_of
from tests.functions import post_process_requests as requests
from tests.step_calls import NONCE, signed

DEADLINE = DeadlineSettings().deadline
YOUNG, OLD, ANCIENT = timedelta(minutes=6), DEADLINE + timedelta(minutes=1), timedelta(days=2)
WHY = Failure(step="workflow", error_type="ExecutionEnded", message="It ended")
CALL = StepCall(incident=signed(requests.alert()))
MAIN = bundle.FUNCTIONS / "incident_sweeper" / "main.py"


class FakeExecutions:
    """Reads how executions ended, or raises `failure` when set."""

    def __init__(self) -> None:
        self.endings: dict[str, str] = {}
        self.queries: list[str] = []
        self.failure: IncidentCopilotError | None = None

    def ending(self, execution: str) -> str | None:
        """Return how it ended."""
        self.queries.append(execution)
        if self.failure:
            raise self.failure
        return self.endings.get(execution)


class FakePublisher:
    """Keeps the calls it gets, or raises `failure` when set; not for two calls at once."""

    def __init__(self) -> None:
        self.timeout = timedelta(seconds=260)
        self.published: list[StepCall] = []
        self.failure: IncidentCopilotError | None = None
        self.gate: Callable[[], object] = lambda: None

    def publish(self, call: StepCall) -> StepResult:
        """Keep the call; the outcome is in the digest, as when the trace could not store it."""
        self.gate()
        if self.failure:
            raise self.failure
        self.published.append(call)
        outcome = Outcome(kind="degraded", mail_status="sent", failures=failures_of(call))
        return StepResult(step="post_process", digest=outcome.model_dump(mode="json"))


class People:
    """Who gets the last messages; `failure` is raised instead when set."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.calls: list[dict[str, Any]] = []
        self.failure: Exception | None = None

    def send(self, mail: Mail) -> MailSent:
        """Keep the mail."""
        if self.failure:
            raise self.failure
        self.mails.append(mail)
        return MailSent("m1")

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """Keep the call."""
        if self.failure:
            raise self.failure
        self.calls.append({**payload, "key": key})
        return key


@pytest.fixture
def people() -> People:
    """People who can be reached."""
    return People()


def failures_of(call: StepCall) -> list[Failure]:
    """Return the failures that a call reports."""
    return [result.failure for result in call.results if result.failure]


@pytest.fixture
def executions() -> FakeExecutions:
    """Executions that all still run."""
    return FakeExecutions()


@pytest.fixture
def publisher() -> FakePublisher:
    """A post_process that works."""
    return FakePublisher()


@pytest.fixture
def sweep(
    store: EmbeddedTraces, executions: FakeExecutions, publisher: FakePublisher, people: "People"
) -> Callable[..., Sweep]:
    """Return a function that makes a sweep, as the scheduled job does each minute."""

    def make(**settings: Any) -> Sweep:
        channels = LastChannels(lambda: people, lambda: people, lambda: ("ada@example.com",))
        return Sweep(store, executions, publisher, SweepSettings(**settings), DEADLINE, channels)

    return make


def opened(store: EmbeddedTraces, age: timedelta, number: int = 1, execution: str | None = "e") -> str:
    """Open an incident of that age; return its id."""
    moment, incident_id = clock.now() - age, f"inc-20260314-{number:06d}"
    alert = requests.alert(incident_id=incident_id, service_name=f"service-{number}")
    stored = {**alert.model_dump(mode="json"), "nonce": NONCE}
    store.open_incident(IncidentRecord(incident_id, alert.service_name, "open", moment, moment, stored))
    if execution:
        store.set_execution(incident_id, execution)
    return incident_id


def closed(store: EmbeddedTraces, incident_id: str) -> Outcome | None:
    """Return the outcome the incident was closed with, or None while it is open."""
    record = store.incident(incident_id)
    assert record is not None
    assert (record.state == "closed") == (record.outcome is not None)
    return Outcome.model_validate(record.outcome) if record.outcome else None


def run_of(agent: str, answer: Any = None, error: str = "", minute: int = 0) -> Run:
    """A run of an agent that answered, or failed."""
    moment = requests.START + timedelta(minutes=minute)
    errors = (RunError(category="Unavailable", message=error, at=moment),) if error else ()
    return Run(agent, moment, moment, {}, answer, errors=errors)


def test_healthy_incident_is_left_alone(sweep: Any, store: EmbeddedTraces, publisher: FakePublisher) -> None:
    """An incident whose execution runs within its deadline is not published."""
    incident_id = opened(store, YOUNG)

    swept = sweep().run(time.monotonic)

    assert (swept.published, swept.failed, swept.waiting) == ([], [], 1)
    assert publisher.published == []
    assert closed(store, incident_id) is None


def test_incident_past_its_deadline_is_published_once(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher
) -> None:
    """The execution may still run: at the deadline the incident is closed, and takes what its service still sends."""
    incident_id = opened(store, OLD)
    store.claim("service:service-1", incident_id, clock.now() + timedelta(hours=1))

    first, second = sweep().run(time.monotonic), sweep().run(time.monotonic)

    assert (first.published, first.waiting) == ([incident_id], 0)
    assert (second.published, second.failed, second.waiting) == ([], [], 0)
    (call,) = publisher.published
    assert [(failure.step, failure.error_type) for failure in failures_of(call)] == [("workflow", "DeadlineExceeded")]
    outcome = closed(store, incident_id)
    assert outcome is not None
    assert outcome.kind == "degraded"
    lease = store.lease("service:service-1")
    assert lease is not None
    assert lease.holder == incident_id
    assert published_at(lease) is not None


def test_incident_whose_execution_ended_is_published_immediately(
    sweep: Any, store: EmbeddedTraces, executions: FakeExecutions, publisher: FakePublisher
) -> None:
    """A failed execution will publish nothing: the sweep does not wait for the deadline, and says how it ended."""
    opened(store, timedelta(seconds=5), execution="failed")
    executions.endings["failed"] = "The workflow execution ended FAILED"

    sweep().run(time.monotonic)

    (failure,) = failures_of(publisher.published[0])
    assert failure.error_type == "ExecutionEnded"
    assert "ended FAILED" in failure.message


def test_incident_never_started_is_published(sweep: Any, store: EmbeddedTraces, publisher: FakePublisher) -> None:
    """Without an execution long after the start lease the alert is published; a new one is left to the starter."""
    overdue = opened(store, YOUNG, 1, execution=None)
    fresh = opened(store, timedelta(minutes=2), 2, execution=None)

    assert sweep().run(time.monotonic).published == [overdue]
    assert failures_of(publisher.published[0])[0].error_type == "NotStarted"
    assert closed(store, fresh) is None


def test_deadline_decides_when_workflows_does_not_answer(
    sweep: Any, store: EmbeddedTraces, executions: FakeExecutions
) -> None:
    """When Workflows does not say how executions ended, it is called once and the deadline decides."""
    executions.failure = Unavailable("silent")
    overdue = opened(store, OLD, 1)
    opened(store, YOUNG, 2)
    opened(store, YOUNG, 3)

    swept = sweep().run(time.monotonic)

    assert (swept.published, swept.waiting) == ([overdue], 2)
    assert len(executions.queries) == 1


def test_unpublished_incident_is_retried_by_the_next_sweep(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, capsys: pytest.CaptureFixture[str]
) -> None:
    """A post_process that fails leaves the incident open with an ERROR in the log; the next sweep publishes it."""
    incident_id = opened(store, OLD)
    publisher.failure = Unavailable("post_process cannot be reached")

    swept = sweep().run(time.monotonic)

    assert (swept.published, swept.failed, swept.waiting) == ([], [incident_id], 0)
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "sweeper.unpublished" in text]
    assert (line["severity"], line["incident_id"]) == ("ERROR", incident_id)
    assert closed(store, incident_id) is None
    publisher.failure = None
    assert sweep().run(time.monotonic).published == [incident_id]


def test_publish_without_a_reply_is_not_repeated_immediately(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post_process that may still be running is called again only when it certainly is not."""
    incident_id = opened(store, OLD)
    publisher.failure = Uncertain("no reply")
    assert sweep().run(time.monotonic).failed == [incident_id]

    publisher.failure = None
    assert sweep().run(time.monotonic).waiting == 1
    later = clock.now() + publisher.timeout + timedelta(minutes=1)
    monkeypatch.setattr(clock, "now", lambda: later)

    assert sweep().run(time.monotonic).published == [incident_id]


def test_incident_not_published_for_a_day_is_given_up(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is tried a last time, then closed with the reasons, and the log is CRITICAL."""
    incident_id = opened(store, ANCIENT)
    publisher.failure = Refused("post_process answered 403")

    assert sweep().run(time.monotonic).failed == [incident_id]

    outcome = closed(store, incident_id)
    assert outcome is not None
    assert (outcome.kind, outcome.mail_status) == ("undelivered", "failed")
    assert [failure.step for failure in outcome.failures] == ["workflow", "incident_sweeper"]
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "sweeper.gave_up" in text]
    assert (line["severity"], line["incident_id"]) == ("CRITICAL", incident_id)


def test_five_sweeps_at_once_publish_each_incident_once(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher
) -> None:
    """Sweeps that overlap leave an incident to the one that was first."""
    ids = [opened(store, OLD, number) for number in range(4)]
    barrier = threading.Barrier(5)

    def run(_: int) -> list[str]:
        barrier.wait(20)
        published: list[str] = sweep().run(time.monotonic).published
        return published

    with ThreadPoolExecutor(5) as pool:
        published = [incident_id for batch in pool.map(run, range(5)) for incident_id in batch]

    assert sorted(published) == ids
    assert sorted(call.incident.incident_id for call in publisher.published) == ids


def test_incident_published_during_the_sweep_is_not_published_again(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher
) -> None:
    """A slow workflow may still publish before the sweep does."""
    opened(store, OLD, 1)
    slow = opened(store, DEADLINE + timedelta(seconds=30), 2)
    publisher.gate = lambda: store.close_incident(slow, {"kind": "full"})

    swept = sweep().run(time.monotonic)

    assert slow not in swept.published
    assert closed(store, slow) == Outcome(kind="full")
    assert len(publisher.published) == 1


def test_one_sweep_publishes_a_limited_number_and_forgets_none(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incidents that can never be published do not block the others: each is tried within some minutes."""
    for number in range(10):
        opened(store, OLD, number)
    tried: list[str] = []
    publisher.failure = Unavailable("down")
    moment = clock.now()

    for minute in range(4):
        monkeypatch.setattr(clock, "now", lambda minute=minute: moment + timedelta(minutes=minute))
        failed = sweep(sweep_incidents=3).run(time.monotonic).failed
        assert len(failed) == 3
        tried += failed

    assert len(set(tried)) == 10


def test_sweep_out_of_time_starts_no_further_incident(sweep: Any, store: EmbeddedTraces) -> None:
    """A sweep ends before the platform stops it."""
    for number in range(3):
        opened(store, OLD, number)
    ticks = iter([0.0, 10.0, 170.0, 190.0, 190.0])

    swept = sweep().run(lambda: next(ticks))

    assert (len(swept.published), swept.waiting) == (2, 1)


def test_call_reports_the_latest_error_of_each_agent_that_never_answered(store: EmbeddedTraces) -> None:
    """The answers are read from the trace by post_process; an agent that never answered is named after its step."""
    incident_id = opened(store, OLD)
    store.record_run(incident_id, run_of("RCAAgent", {"root_causes": []}, "survived"))
    store.record_run(incident_id, run_of("SuggestionAgent", None, "first error"))
    store.record_run(incident_id, run_of("SuggestionAgent", None, "last error", minute=1))
    store.record_run(incident_id, run_of("FileUpdaterAgent-approved", None, "no reply"))
    store.record_run(incident_id, run_of("workflow_starter", None, "too large"))
    record = store.incident(incident_id)
    assert record is not None

    call = call_of(record, trace_of(store, incident_id), WHY)

    assert (call.incident.nonce, call.stage) == (NONCE, "")
    assert {(failure.step, failure.message) for failure in failures_of(call)} == {
        ("suggestion", "last error"),
        ("file_updater", "no reply"),
        ("workflow_starter", "too large"),
        ("workflow", "It ended"),
    }


@pytest.mark.parametrize("agent", ["IncidentDetectionAgent", "CodeAnalyzerAgent"])
def test_early_reading_that_failed_counts_only_while_nothing_was_answered(store: EmbeddedTraces, agent: str) -> None:
    """What is asked afterwards reads for itself, so the failure is no failure any more."""
    incident_id = opened(store, OLD)
    store.record_run(incident_id, run_of(f"{agent}-read", None, "away"))
    record = store.incident(incident_id)
    assert record is not None

    before = call_of(record, trace_of(store, incident_id), WHY)
    store.record_run(incident_id, run_of(agent, {}))
    after = call_of(record, trace_of(store, incident_id), WHY)

    assert [failure.message for failure in failures_of(before)] == ["away", "It ended"]
    assert [failure.message for failure in failures_of(after)] == ["It ended"]


@pytest.mark.parametrize("alert", [{}, {"incident_id": 7}, {"nonce": NONCE, "start": "yesterday"}], ids=str)
def test_incident_whose_alert_is_unreadable_is_published_with_what_its_record_says(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, alert: dict[str, Any]
) -> None:
    """Its id, its service and when it began."""
    moment = clock.now() - OLD
    store.open_incident(IncidentRecord("inc-unreadable", "checkout", "open", moment, moment, alert))

    assert sweep().run(time.monotonic).published == ["inc-unreadable"]

    (call,) = publisher.published
    assert (call.incident.incident_id, call.incident.service_name) == ("inc-unreadable", "checkout")
    assert call.incident.nonce == str(alert.get("nonce") or "")


@pytest.mark.parametrize("outcome", [{"failures": [{"step": "mail"}, 7]}, {"mail_status": "lost"}, {}], ids=str)
def test_unreadable_outcome_of_one_incident_stops_no_sweep(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, outcome: dict[str, Any]
) -> None:
    """Whether its mail was sent cannot be read, so it is not sent again."""
    moment = clock.now() - YOUNG
    store.open_incident(IncidentRecord("inc-odd-outcome", "checkout", "closed", moment, moment, {}, outcome=outcome))
    incident_id = opened(store, OLD)

    assert sweep().run(time.monotonic).published == [incident_id]
    assert [call.incident.incident_id for call in publisher.published] == [incident_id]


def test_incident_that_fails_in_an_unknown_way_stops_no_other_and_is_tried_again(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug that one trace meets is that incident's alone, and it holds no lease."""
    bad, good = opened(store, OLD, 1), opened(store, OLD, 2)
    whole = store.document
    monkeypatch.setattr(store, "document", lambda each: dict[str, Any]()["tokens_in"] if each == bad else whole(each))

    swept = sweep().run(time.monotonic)

    assert (swept.published, swept.failed) == ([good], [bad])
    monkeypatch.setattr(store, "document", whole)
    assert sweep().run(time.monotonic).published == [bad]


def test_outcome_that_is_in_the_trace_is_read_there(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """post_process answers with a headline; what it published stands in the trace."""
    incident_id = opened(store, OLD)
    outcome = Outcome(kind="full", mail_status="sent").model_dump(mode="json")
    store.record_run(incident_id, run_of("PostProcessAgent", outcome))
    monkeypatch.setattr(publisher, "publish", lambda _: StepResult(step="post_process"))

    assert sweep().run(time.monotonic).published == [incident_id]
    assert closed(store, incident_id) == Outcome(kind="full", mail_status="sent")


def test_post_process_that_leaves_no_outcome_has_not_published(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The incident stays open, and the next sweep tries again."""
    incident_id = opened(store, OLD)
    monkeypatch.setattr(publisher, "publish", lambda _: StepResult(step="post_process"))

    assert sweep().run(time.monotonic).failed == [incident_id]
    assert closed(store, incident_id) is None


def swept_at(sweep: Any, monkeypatch: pytest.MonkeyPatch, *minutes: float) -> list[list[str]]:
    """Sweep at each of these minutes from now; return what each sweep published."""
    moment, published = clock.now(), []
    for minute in minutes:
        monkeypatch.setattr(clock, "now", lambda minute=minute: moment + timedelta(minutes=minute))
        published.append(sweep().run(time.monotonic).published)
    return published


def test_unsent_mail_is_sent_later_once(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A brief whose mail failed is requested again after a pause, with its failures but those of the channels."""
    incident_id = opened(store, YOUNG)
    lost = [Failure(step=step, error_type="Unavailable") for step in ("rca", "delivery", "hook", "mail")]
    outcome = Outcome(kind="degraded", mail_status="failed", failures=lost)
    store.close_incident(incident_id, outcome.model_dump(mode="json"))

    assert swept_at(sweep, monkeypatch, 0, 0.5, 1) == [[], [], [incident_id]]

    (call,) = publisher.published
    assert (call.stage, [failure.step for failure in failures_of(call)]) == ("mail-1", ["rca"])
    store.amend_outcome(incident_id, Outcome(kind="degraded", mail_status="sent").model_dump(mode="json"))
    assert swept_at(sweep, monkeypatch, 30) == [[]]


def test_alert_merged_meanwhile_does_not_delay_a_retry(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storm of merged alerts changes the incident each second; numbers of attempts are used once all the same."""
    incident_id = opened(store, YOUNG)
    store.close_incident(incident_id, Outcome(kind="full", mail_status="failed").model_dump(mode="json"))
    moment = clock.now()
    for minute in range(8):
        monkeypatch.setattr(clock, "now", lambda minute=minute: moment + timedelta(minutes=minute))
        store.count_merged_alert(incident_id)
        sweep().run(time.monotonic)

    assert [call.stage for call in publisher.published] == ["mail-1", "mail-2", "mail-3"]


@pytest.mark.parametrize(
    ("error_type", "minutes"), [("Uncertain", 11), ("Unavailable", 0.5), ("Unavailable", 26 * 60)], ids=str
)
def test_mail_that_may_have_been_sent_or_is_old_is_not_repeated_to_who_has_the_brief(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    error_type: str,
    minutes: float,
) -> None:
    """The hook took it: a mail that may be out is not sent again; a retry comes after a pause, and for a day only."""
    incident_id = opened(store, YOUNG)
    failure = Failure(step="mail", error_type=error_type)
    outcome = Outcome(kind="full", mail_status="failed", hook_status="called", failures=[failure])
    store.close_incident(incident_id, outcome.model_dump(mode="json"))

    swept_at(sweep, monkeypatch, 0, minutes)

    assert publisher.published == []


def undelivered(store: EmbeddedTraces, age: timedelta = YOUNG, number: int = 1, error_type: str = "Unavailable") -> str:
    """Open an incident whose brief no channel took; return its id."""
    incident_id = opened(store, age, number)
    failures = [Failure(step=step, error_type=error_type, message="is down") for step in ("hook", "mail")]
    outcome = Outcome(kind="undelivered", mail_status="failed", hook_status="failed", failures=failures)
    assert store.leave_undelivered(incident_id, outcome.model_dump(mode="json"))
    return incident_id


@pytest.mark.parametrize("error_type", ["Unavailable", "Refused", "Uncertain"])
def test_brief_that_nobody_has_is_delivered_again_and_then_closed(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch, error_type: str
) -> None:
    """Also one that may be out: twice is better than never, and its keys show the repeat."""
    incident_id = undelivered(store, error_type=error_type)

    assert swept_at(sweep, monkeypatch, 0, 1, 60) == [[], [incident_id], []]

    assert [call.stage for call in publisher.published] == ["mail-1"]
    record = store.incident(incident_id)
    assert record is not None
    assert record.outcome is not None
    assert (record.state, record.outcome["mail_status"]) == ("closed", "sent")


@pytest.mark.parametrize("outcome", [{"failures": 7}, {"mail_status": "lost"}], ids=str)
def test_undelivered_brief_whose_outcome_is_unreadable_is_delivered_again(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    outcome: dict[str, Any],
) -> None:
    """That nobody has it is in the incident's state, whatever the outcome says."""
    incident_id = opened(store, YOUNG)
    assert store.leave_undelivered(incident_id, outcome)

    assert swept_at(sweep, monkeypatch, 0, 1, 60) == [[], [incident_id], []]

    assert [call.stage for call in publisher.published] == ["mail-1"]


def test_brief_that_nobody_takes_is_tried_in_growing_pauses(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays undelivered, which each sweep reports as failed."""
    incident_id, moment, tried = undelivered(store), clock.now(), []
    people.failure = Unavailable("down")
    digest = Outcome(kind="undelivered", mail_status="failed").model_dump(mode="json")

    def refused(call: StepCall) -> StepResult:
        tried.append(call.stage)
        return StepResult(step="post_process", digest=digest)

    monkeypatch.setattr(publisher, "publish", refused)
    minutes = []
    for minute in range(130):
        monkeypatch.setattr(clock, "now", lambda minute=minute: moment + timedelta(minutes=minute))
        minutes += [minute] if sweep().run(time.monotonic).failed == [incident_id] else []

    assert minutes == [1, 3, 7, 15, 31, 63, 123]
    assert tried == [f"mail-{number}" for number in range(1, 8)]
    record = store.incident(incident_id)
    assert record is not None
    assert record.state == "undelivered"


@pytest.mark.parametrize("answer", ["undelivered", "dead"])
def test_brief_that_channels_keep_refusing_gets_a_last_message(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
) -> None:
    """Short and plain, it passes where a brief is refused for what it holds, and where post_process is dead."""
    incident_id = undelivered(store)
    digest = Outcome(kind="undelivered", mail_status="failed").model_dump(mode="json")
    monkeypatch.setattr(publisher, "publish", lambda _: StepResult(step="post_process", digest=digest))
    if answer == "dead":
        monkeypatch.setattr(publisher, "publish", lambda _: (_ for _ in ()).throw(Unavailable("dead")))

    swept_at(sweep, monkeypatch, 0, 1, 3)
    assert people.mails == []
    swept_at(sweep, monkeypatch, 4, 20, 60)

    (mail,) = people.mails
    assert "hook: is down; mail: is down" in mail.text
    assert [call["key"] for call in people.calls] == [incident_id]
    record = store.incident(incident_id)
    assert record is not None
    assert record.outcome is not None
    assert (record.state, record.outcome["receipts"]) == ("closed", {"hook": incident_id, "mail": "m1"})


def test_brief_that_nobody_took_for_a_day_is_given_up_as_undelivered(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No outcome says that somebody has it; the log is CRITICAL."""
    incident_id = undelivered(store, ANCIENT)
    publisher.failure = people.failure = Unavailable("down")

    swept_at(sweep, monkeypatch, 0, 1)

    outcome = closed(store, incident_id)
    assert outcome is not None
    assert (outcome.kind, outcome.delivered_by) == ("undelivered", frozenset())
    assert "sweeper.gave_up" in capsys.readouterr().out


def test_undelivered_incidents_hide_no_open_one(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day without a channel leaves hundreds behind; an incident whose workflow died is published all the same."""
    monkeypatch.setattr("functions.incident_sweeper.sweep.MAX_OPEN_INCIDENTS", 3)
    for number in range(4):
        undelivered(store, ANCIENT, number)
    overdue = opened(store, OLD, 9)

    assert sweep().run(time.monotonic).published == [overdue]


def test_late_incident_that_no_channel_takes_is_left_undelivered(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweeper closes nothing that reached nobody."""
    incident_id = opened(store, OLD)
    digest = Outcome(kind="undelivered", mail_status="failed").model_dump(mode="json")
    monkeypatch.setattr(publisher, "publish", lambda _: StepResult(step="post_process", digest=digest))

    assert sweep().run(time.monotonic).failed == [incident_id]

    record = store.incident(incident_id)
    assert record is not None
    assert record.state == "undelivered"


class FakePostProcess:
    """An HTTP server that answers every post with `status` and `body`, and keeps what it received."""

    def __init__(self) -> None:
        digest = Outcome(kind="degraded").model_dump(mode="json")
        self.status, self.body = 200, StepResult(step="post_process", digest=digest).model_dump_json()
        self.received: list[tuple[dict[str, str], Any]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.received.append((dict(self.headers), body))
                self.send_response(fake.status)
                self.end_headers()
                self.wfile.write(fake.body.encode())

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def stop(self) -> None:
        """Stop the server."""
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def fake_post_process() -> Iterator[FakePostProcess]:
    """A post_process function whose answer a test sets."""
    made = FakePostProcess()
    yield made
    made.stop()


def client_of(url: str, timeout_s: float = 5) -> PostProcessClient:
    """Return a client of the post_process at `url`."""
    return PostProcessClient(
        PostProcessSettings(post_process_function_url=url, post_process_function_timeout_s=timeout_s)
    )


def test_post_process_on_loopback_is_called_without_a_token(fake_post_process: FakePostProcess) -> None:
    """The call arrives as its contract, the answer is the step's result."""
    result = client_of(fake_post_process.url).publish(CALL)

    ((headers, body),) = fake_post_process.received
    assert "Authorization" not in headers
    assert StepCall.model_validate(body) == CALL
    assert Outcome.model_validate(result.digest) == Outcome(kind="degraded")


@pytest.mark.parametrize(
    ("status", "error"), [(400, Refused), (403, Refused), (302, Refused), (429, Throttled), (500, Unavailable)]
)
def test_error_answer_means_that_post_process_is_not_running(
    fake_post_process: FakePostProcess, status: int, error: type[IncidentCopilotError]
) -> None:
    """After any answer it has ended: the next sweep may call it again."""
    fake_post_process.status = status

    with pytest.raises(error, match=str(status)):
        client_of(fake_post_process.url).publish(CALL)


def test_answer_that_is_no_result_is_a_bad_answer(fake_post_process: FakePostProcess) -> None:
    """An HTML page in place of JSON is no result of a step."""
    fake_post_process.body = "<html>"

    with pytest.raises(BadAnswer):
        client_of(fake_post_process.url).publish(CALL)


def test_no_connection_is_unavailable_and_no_reply_is_uncertain(fake_post_process: FakePostProcess) -> None:
    """Only a connection that was never made promises that nothing was published."""
    fake_post_process.stop()
    with pytest.raises(Unavailable, match="cannot be reached"):
        client_of(fake_post_process.url).publish(CALL)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Uncertain, match="did not reply"):
        client_of(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2).publish(CALL)


def test_post_process_in_the_cloud_is_called_with_an_id_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The token's audience is the function's root URL."""
    monkeypatch.setattr(id_token, "fetch_id_token", lambda _, audience: f"token for {audience}")

    headers = client_of("https://post-process-x.a.run.app/")._authorization()

    assert headers == {"Authorization": "Bearer token for https://post-process-x.a.run.app"}


@pytest.mark.parametrize("url", ["http://10.0.0.1", "ftp://x", "http://localhost.evil.example", "https://x/y"])
def test_address_without_protection_is_refused(url: str) -> None:
    """Plain HTTP is for loopback only."""
    with pytest.raises(ValueError, match="post_process_function_url"):
        PostProcessSettings(post_process_function_url=url)


def test_deployed_function_answers_with_what_it_swept(
    store: EmbeddedTraces,
    executions: FakeExecutions,
    fake_post_process: FakePostProcess,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Over the functions framework, as the scheduled job calls it: ids and counts in JSON, an error by its status."""
    incident_id = opened(store, OLD)
    opened(store, YOUNG, 2)
    monkeypatch.setattr(traces, "connect", lambda: store)
    monkeypatch.setattr(workflows, "connect", lambda: executions)
    client = functions_framework.create_app("incident_sweeper", str(MAIN), "http").test_client()

    assert client.post("/", json={}).status_code == 500
    monkeypatch.setenv("POST_PROCESS_FUNCTION_URL", fake_post_process.url)
    reply = client.post("/", json={})
    swept = {"published": [incident_id], "failed": [], "settled": [], "waiting": 1}

    assert (reply.status_code, reply.json) == (200, swept)
    assert closed(store, incident_id) is not None


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """Let so much time pass."""
    moment = clock.now() + timedelta(seconds=seconds)
    monkeypatch.setattr(clock, "now", lambda: moment)


@pytest.mark.parametrize(
    "error", [Unavailable("dead"), Rejected("bad body"), BadAnswer("garbage"), KeyError("bug")], ids=repr
)
def test_incident_that_post_process_keeps_failing_gets_a_last_message_once(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    """post_process is not the only voice; five minutes are long enough for it to come back."""
    incident_id = opened(store, OLD)
    monkeypatch.setattr(publisher, "failure", error)
    sweep().run(time.monotonic)
    later(monkeypatch, 200)
    sweep().run(time.monotonic)
    assert people.mails == []

    later(monkeypatch, 200)
    sweep().run(time.monotonic)
    sweep().run(time.monotonic)

    (mail,) = people.mails
    assert mail.message_id == f"<{incident_id}.brief@incident-copilot>"
    assert "service-1" in mail.subject
    assert [call["key"] for call in people.calls] == [incident_id]
    record = store.incident(incident_id)
    assert record is not None
    assert record.outcome is not None
    assert (record.state, record.outcome["mail_status"], record.outcome["hook_status"]) == ("closed", "sent", "called")
    assert store.claim("service:service-1", "next", clock.now() + timedelta(hours=1)).holder == "next"


def test_last_message_is_not_sent_by_a_channel_that_delivered_the_brief(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """post_process mailed the brief and died before the hook and the outcome."""
    incident_id = opened(store, OLD)
    store.claim(f"mail:{incident_id}", "post_process", clock.now() + timedelta(days=1), {"receipt": "m7"})
    publisher.failure = Unavailable("dead")
    sweep().run(time.monotonic)
    later(monkeypatch, 400)
    sweep().run(time.monotonic)

    assert (people.mails, len(people.calls)) == ([], 1)
    record = store.incident(incident_id)
    assert record is not None
    assert record.outcome is not None
    assert record.outcome["mail_status"] == "already_sent"


def test_last_message_that_reaches_nobody_is_tried_again(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    people: People,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The incident stays open meanwhile."""
    opened(store, OLD)
    publisher.failure = Unavailable("dead")
    people.failure = Unavailable("mail and hook are down too")
    sweep().run(time.monotonic)
    later(monkeypatch, 400)
    assert sweep().run(time.monotonic).failed == ["inc-20260314-000001"]

    people.failure = None
    sweep().run(time.monotonic)

    assert (len(people.mails), len(people.calls)) == (1, 1)


@pytest.mark.parametrize(
    ("mail", "hook", "is_late"),
    [("sent", "failed", True), ("off", "failed", True), ("failed", "failed", True), ("sent", "off", False)],
)
def test_brief_that_any_channel_did_not_deliver_is_delivered_again(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    mail: Any,
    hook: Any,
    is_late: bool,
) -> None:
    """A hook that was down for a minute is called later, as a mail is sent later."""
    incident_id = opened(store, YOUNG)
    outcome = Outcome(kind="full", mail_status=mail, hook_status=hook)
    store.close_incident(incident_id, outcome.model_dump(mode="json"))

    swept_at(sweep, monkeypatch, 0, 11)

    assert [call.stage for call in publisher.published] == (["mail-1"] if is_late else [])


@pytest.mark.parametrize("channel", ["slack", "pagerduty", "teams"])
@pytest.mark.parametrize(("error_type", "is_late"), [("Refused", True), ("Uncertain", False)])
def test_brief_that_a_hook_of_its_own_did_not_take_is_delivered_again(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    channel: str,
    error_type: str,
    is_late: bool,
) -> None:
    """Unless it may be out: who has the mail needs no second message in a channel."""
    incident_id = opened(store, YOUNG)
    failures = [Failure(step=channel, error_type=error_type)]
    deliveries: Any = {channel: "failed", "mail": "done"}
    outcome = Outcome(kind="full", mail_status="sent", deliveries=deliveries, failures=failures)
    store.close_incident(incident_id, outcome.model_dump(mode="json"))

    swept_at(sweep, monkeypatch, 0, 11)

    assert [call.stage for call in publisher.published] == (["mail-1"] if is_late else [])


def test_change_event_that_failed_is_not_worth_another_delivery(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reaches nobody by itself."""
    incident_id = opened(store, YOUNG)
    outcome = Outcome(kind="full", mail_status="sent", deliveries={"pagerduty_change": "failed", "mail": "done"})
    store.close_incident(incident_id, outcome.model_dump(mode="json"))

    swept_at(sweep, monkeypatch, 0, 11)

    assert publisher.published == []


def test_last_message_goes_to_each_hook_and_to_whoever_is_on_the_schedule(store: EmbeddedTraces) -> None:
    """Once, and a schedule that cannot be read leaves the list."""
    people, slack = People(), People()
    record = store.incident(opened(store, YOUNG))
    assert record is not None

    def unread() -> tuple[str, ...]:
        raise Unavailable("PagerDuty is down")

    channels = LastChannels(
        lambda: people, lambda: None, lambda: ("ada@example.com",), {"slack": lambda: slack}, unread
    )

    first = send(store, record, channels, [])
    again = send(store, record, replace(channels, scheduled=lambda: ("bo@example.com",)), [])

    assert first is not None
    assert again is not None
    assert first.delivered_by == {"mail", "slack"}
    assert again.deliveries["slack"] == "already"
    assert [mail.to for mail in people.mails] == [("ada@example.com",)]
    assert [failure.step for failure in first.failures] == ["on_call"]
    assert len(slack.calls) == 1


@pytest.mark.parametrize(("attempts", "minutes"), [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (500, 60)])
def test_pauses_double_up_to_an_hour(attempts: int, minutes: int) -> None:
    """The first retries come soon, and a long outage costs one try an hour."""
    plan, moment = RetryPlan(timedelta(minutes=1), timedelta(days=1)), clock.now()
    retries = Retries(attempts, moment - timedelta(minutes=minutes), moment)

    assert plan.is_due(retries, moment)
    assert not plan.is_due(retries, moment - timedelta(seconds=1))
    assert timedelta(minutes=minutes) <= MAX_PAUSE


def with_pull_request(store: EmbeddedTraces, incident_id: str, **changes: Any) -> None:
    """Record an open pull request of an incident, as pr_creator and GitHub's webhook do."""
    facts = {"state": "open", "number": 7, "url": "https://github.com/acme/billing/pull/7", **changes}
    store.set_pull_request(incident_id, PullRequestRecord.model_validate(facts))


PUBLISHED = Outcome(kind="degraded", mail_status="sent", receipts={"mail": "m1"})


def test_pull_request_opened_after_the_brief_is_an_update_until_a_channel_took_it(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code host was slow: its webhook records what no step reported to the brief."""
    incident_id = opened(store, YOUNG)
    store.close_incident(incident_id, PUBLISHED.model_dump(mode="json"))
    with_pull_request(store, incident_id)
    publisher.failure = Unavailable("no channel took it")
    assert swept_at(sweep, monkeypatch, 0, 1) == [[], []]

    publisher.failure = None
    assert swept_at(sweep, monkeypatch, 2) == [[incident_id]]

    (call,) = publisher.published
    assert (call.stage, failures_of(call)) == ("update-2", [])
    named = PUBLISHED.replace(pr_url="https://github.com/acme/billing/pull/7")
    store.amend_outcome(incident_id, named.model_dump(mode="json"))
    assert swept_at(sweep, monkeypatch, 90) == [[]]


def test_checks_that_ended_after_the_brief_are_an_update_once(
    sweep: Any, store: EmbeddedTraces, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A draft is worth a look when its checks passed, and another one when they fail later."""
    incident_id, named = opened(store, YOUNG), PUBLISHED.replace(pr_url="https://github.com/acme/billing/pull/7")
    store.close_incident(incident_id, named.model_dump(mode="json"))
    with_pull_request(store, incident_id, checks="passed")

    assert swept_at(sweep, monkeypatch, 0, 1) == [[], [incident_id]]
    store.amend_outcome(incident_id, named.replace(checks="passed").model_dump(mode="json"))
    assert swept_at(sweep, monkeypatch, 30) == [[]]
    with_pull_request(store, incident_id, checks="failed", checks_failed=["CI"])
    assert swept_at(sweep, monkeypatch, 60) == [[incident_id]]


@pytest.mark.parametrize(
    ("outcome", "changes"),
    [
        (PUBLISHED.replace(pr_url="https://github.com/acme/billing/pull/7"), {}),
        (PUBLISHED.replace(pr_url="https://github.com/acme/billing/pull/7"), {"checks": "passed", "state": "merged"}),
        (PUBLISHED.replace(receipts={}), {}),
        (PUBLISHED.replace(kind="merged"), {}),
        (PUBLISHED, {"decision": "approve"}),
        (PUBLISHED, {"state": "merged"}),
        (PUBLISHED, {"state": "awaiting_approval", "url": None}),
    ],
    ids=[
        "named",
        "checked, merged by a person",
        "of an earlier release",
        "merged",
        "approved",
        "merged by a person",
        "waits",
    ],
)
def test_pull_request_that_people_know_of_is_no_update(
    sweep: Any,
    store: EmbeddedTraces,
    publisher: FakePublisher,
    monkeypatch: pytest.MonkeyPatch,
    outcome: Outcome,
    changes: dict[str, Any],
) -> None:
    """The brief names it, or a person knows; and nothing is sent for what earlier releases did not note."""
    incident_id = opened(store, YOUNG)
    store.close_incident(incident_id, outcome.model_dump(mode="json"))
    with_pull_request(store, incident_id, **changes)

    swept_at(sweep, monkeypatch, 0, 1, 5)

    assert publisher.published == []
