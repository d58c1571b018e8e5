"""Pub/Sub subscriber: one execution for each new incident, however often and however many messages come."""

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Lock
from typing import Any

import functions_framework
import pytest
from flask.testing import FlaskClient

from functions.workflow_starter.route_alert import IncidentRouter, Limits
from infra import bundle
from shared import clock, traces
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.cloud import pubsub, workflows
from shared.cloud.dead_letter import DeadLetter
from shared.contracts import Alert, SignedAlert
from shared.errors import IncidentCopilotError, Refused, Rejected, Throttled, Unavailable, Uncertain
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord

MOMENT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
MAIN = bundle.ROOT / "functions" / "workflow_starter" / "main.py"
WINDOW = timedelta(minutes=30)
LEASE = timedelta(minutes=2)
DEADLINE = timedelta(minutes=15)
LIMITS = Limits(LEASE, DEADLINE, CoalescingSettings(), BrakeSettings())


class FakeStarter:
    """Starts executions in memory; `failure` is raised by the next start, after its effect when `happens`."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.sent: list[SignedAlert] = []
        self.searches: list[str] = []
        self.failure: BaseException | None = None
        self.happens = False
        self.timeout = timedelta(seconds=20)
        self._lock = Lock()

    def start(self, alert: SignedAlert) -> str:
        """Start one execution."""
        self.sent.append(alert)
        failure, self.failure = self.failure, None
        if failure is None or self.happens:
            with self._lock:
                self.started.append(alert.incident_id)
        if failure is not None:
            raise failure
        return f"executions/{alert.incident_id}"

    def find(self, incident_id: str, within: timedelta) -> str | None:
        """Find one."""
        assert within > timedelta(0)
        self.searches.append(incident_id)
        return f"executions/{incident_id}" if incident_id in self.started else None


class FakePubsub:
    """Keeps what is dead-lettered, and why."""

    def __init__(self) -> None:
        self.dead: list[tuple[DeadLetter, str]] = []

    def dead_letter(self, message: DeadLetter, reason: str) -> str:
        """Dead-letter one message."""
        self.dead.append((message, reason))
        return str(len(self.dead))


class Killed(BaseException):
    """The process ends here."""


@pytest.fixture
def starter() -> FakeStarter:
    """A starter that works."""
    return FakeStarter()


@pytest.fixture
def dead_letter_topic() -> FakePubsub:
    """The dead-letter topic, empty."""
    return FakePubsub()


@pytest.fixture
def endpoint(
    store: EmbeddedTraces, starter: FakeStarter, dead_letter_topic: FakePubsub, monkeypatch: pytest.MonkeyPatch
) -> FlaskClient:
    """The function behind the functions framework, as Pub/Sub's push calls it."""
    monkeypatch.setattr(traces, "connect", lambda: store)
    monkeypatch.setattr(workflows, "connect", lambda: starter)
    monkeypatch.setattr(pubsub, "connect", lambda: dead_letter_topic)
    monkeypatch.delenv("MERGE_WINDOW_SECONDS", raising=False)
    app = functions_framework.create_app("workflow_starter", str(MAIN), "cloudevent")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    client: FlaskClient = app.test_client()
    return client


def alert(number: int = 1, **changes: Any) -> Alert:
    """An alert of checkout that makes incident `number`."""
    facts = {"incident_id": f"inc-20260131-{number:010x}", "service_name": "checkout", "start": MOMENT, "end": MOMENT}
    return Alert(**{**facts, "received_at": MOMENT, **changes})


def router(store: EmbeddedTraces, starter: FakeStarter, delivery: str = "one") -> IncidentRouter:
    """Return the router of one delivery attempt."""
    return IncidentRouter(store, starter, LIMITS, delivery)


def push(endpoint: FlaskClient, text: str, message_id: str = "1") -> int:
    """Push a message in Pub/Sub's envelope; return the status."""
    message = {
        "data": base64.b64encode(text.encode()).decode(),
        "messageId": message_id,
        "attributes": {"sender": "test"},
        "publishTime": "2026-01-31T08:00:00Z",
    }
    body = {"message": message, "subscription": "projects/p/subscriptions/s"}
    return endpoint.post("/projects/p/topics/incident-alerts", json=body).status_code


def stored(store: EmbeddedTraces, incident_id: str) -> IncidentRecord:
    """Return the incident, which must be in the store."""
    record = store.incident(incident_id)
    assert record is not None
    return record


def test_new_incident_starts_one_execution(endpoint: FlaskClient, store: EmbeddedTraces, starter: FakeStarter) -> None:
    """A push becomes an open incident with its alert and execution, and is acknowledged."""
    assert push(endpoint, alert().model_dump_json()) == 200

    record = stored(store, alert().incident_id)
    assert starter.started == [alert().incident_id]
    assert (record.state, record.execution) == ("open", f"executions/{alert().incident_id}")
    assert Alert.model_validate(record.alert) == alert()
    assert starter.searches == []


def test_cloud_event_of_eventarc_is_understood(endpoint: FlaskClient, starter: FakeStarter) -> None:
    """In the cloud the same message comes as a binary CloudEvent."""
    data = base64.b64encode(alert().model_dump_json().encode()).decode()
    headers = {
        "ce-id": "1",
        "ce-source": "//pubsub.googleapis.com/projects/p/topics/incident-alerts",
        "ce-specversion": "1.0",
        "ce-type": "google.cloud.pubsub.topic.v1.messagePublished",
    }

    reply = endpoint.post("/", json={"message": {"data": data, "messageId": "1"}, "subscription": "s"}, headers=headers)

    assert reply.status_code == 200
    assert starter.started == [alert().incident_id]


def test_repeat_of_an_incident_starts_nothing(
    endpoint: FlaskClient, starter: FakeStarter, store: EmbeddedTraces
) -> None:
    """The same incident again is acknowledged, while it is open and after it was published."""
    push(endpoint, alert().model_dump_json())

    assert push(endpoint, alert().model_dump_json()) == 200
    store.close_incident(alert().incident_id, {"kind": "full"})
    assert push(endpoint, alert().model_dump_json(), message_id="2") == 200

    assert starter.started == [alert().incident_id]
    assert stored(store, alert().incident_id).outcome == {"kind": "full"}


def test_message_delivered_five_times_at_once_starts_one_execution(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """Deliveries at the same moment start one execution; an attempt that meets another asks for redelivery."""
    barrier = Barrier(5)

    def deliver(n: int) -> str:
        barrier.wait(20)
        try:
            return router(store, starter, f"delivery-{n}").decide(alert())
        except Unavailable:
            return "again"

    with ThreadPoolExecutor(5) as pool:
        became = list(pool.map(deliver, range(5)))

    assert starter.started == [alert().incident_id]
    assert became.count("started") == 1
    assert set(became) <= {"started", "repeated", "again"}
    assert router(store, starter, "later").decide(alert()) == "repeated"


def test_opener_overtaken_by_another_delivery_starts_nothing(
    store: EmbeddedTraces, starter: FakeStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that opened the incident and then was slow finds it started by the one that came after."""
    claim = store.claim

    def claim_late(key: str, *args: Any) -> Any:
        monkeypatch.setattr(store, "claim", claim)
        assert router(store, starter, "quick").decide(alert()) == "started"
        return claim(key, *args)

    monkeypatch.setattr(store, "claim", claim_late)

    assert router(store, starter, "slow").decide(alert()) == "repeated"
    assert starter.started == [alert().incident_id]


def test_starter_killed_before_starting_loses_nothing(
    store: EmbeddedTraces, starter: FakeStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its lease and CreateExecution: redelivery waits for the lease, then starts the one execution."""
    starter.failure = Killed()
    with pytest.raises(Killed):
        router(store, starter, "killed").decide(alert())

    with pytest.raises(Unavailable, match="inc-20260131-0000000001"):
        router(store, starter, "second").decide(alert())
    later = clock.now() + LEASE
    monkeypatch.setattr(clock, "now", lambda: later)

    assert router(store, starter, "third").decide(alert()) == "started"
    assert starter.started == [alert().incident_id]
    assert starter.searches == [alert().incident_id]
    assert stored(store, alert().incident_id).execution is not None


@pytest.mark.parametrize("failure", [Killed(), Uncertain("no reply")])
def test_execution_started_without_a_reply_is_not_doubled(
    store: EmbeddedTraces, starter: FakeStarter, failure: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, or left without a reply, after CreateExecution: the execution is found by its label, none is added."""
    starter.failure, starter.happens = failure, True
    with pytest.raises(type(failure)):
        router(store, starter, "first").decide(alert())
    later = clock.now() + LEASE
    monkeypatch.setattr(clock, "now", lambda: later)

    assert router(store, starter, "second").decide(alert()) == "started"
    assert starter.started == [alert().incident_id]
    assert stored(store, alert().incident_id).execution == f"executions/{alert().incident_id}"


@pytest.mark.parametrize("failure", [Throttled("slow"), Refused("no such workflow")])
def test_refused_start_may_be_retried_immediately(
    endpoint: FlaskClient, starter: FakeStarter, failure: IncidentCopilotError
) -> None:
    """When nothing was started the message comes again by a 500, and its next delivery starts without waiting."""
    starter.failure = failure

    assert push(endpoint, alert().model_dump_json()) == 500
    assert push(endpoint, alert().model_dump_json()) == 200
    assert starter.started == [alert().incident_id]


def test_alert_that_workflows_rejects_stays_open_with_the_reason(
    endpoint: FlaskClient, starter: FakeStarter, store: EmbeddedTraces, dead_letter_topic: FakePubsub
) -> None:
    """What no retry fixes is dead-lettered; the incident stays open for the sweeper, the reason in its trace."""
    starter.failure = Rejected("too large")

    assert push(endpoint, alert().model_dump_json()) == 200

    trace = store.document(alert().incident_id)
    assert trace is not None
    assert trace["state"] == "open"
    assert trace["traces"]["workflow_starter"][0]["errors"][0]["message"] == "too large"
    ((dead, reason),) = dead_letter_topic.dead
    assert (dead.message_id, dead.data.decode(), reason) == ("1", alert().model_dump_json(), "too large")


def test_lease_too_short_for_a_start_starts_nothing(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """An attempt that could start after its lease has expired leaves it to the next, naming the settings."""
    starter.timeout = LEASE

    with pytest.raises(Unavailable, match="START_LEASE_SECONDS"):
        router(store, starter).decide(alert())

    assert starter.started == []


def test_alert_of_a_service_with_an_open_incident_is_merged(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """Another alert of the service is closed as merged into the open incident, which counts it, once."""
    router(store, starter).decide(alert(1))

    assert router(store, starter).decide(alert(2)) == "merged"
    assert router(store, starter).decide(alert(2)) == "repeated"

    merged = stored(store, alert(2).incident_id)
    assert merged.state == "closed"
    assert merged.outcome is not None
    assert (merged.outcome["kind"], merged.outcome["merged_into"]) == ("merged", alert(1).incident_id)
    assert stored(store, alert(1).incident_id).merged_alerts == 1
    assert starter.started == [alert(1).incident_id]


def test_storm_of_alerts_is_one_incident(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """Twenty alerts of one service at once: one execution, nineteen merged and counted."""
    barrier = Barrier(20)

    def decide(n: int) -> str:
        barrier.wait(20)
        return router(store, starter, f"delivery-{n}").decide(alert(n))

    with ThreadPoolExecutor(20) as pool:
        became = list(pool.map(decide, range(20)))

    assert sorted(became) == ["merged"] * 19 + ["started"]
    assert stored(store, starter.started[0]).merged_alerts == 19
    assert len(store.incidents(state="open")) == 1


def test_other_services_are_incidents_of_their_own(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """Only alerts of the same service are merged."""
    router(store, starter).decide(alert(1))

    assert router(store, starter).decide(alert(2, service_name="payments")) == "started"


def test_alert_after_the_incident_was_published_is_a_new_one(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """A closed incident merges no alert, even within its window."""
    router(store, starter).decide(alert(1))
    store.close_incident(alert(1).incident_id, {"kind": "full"})

    assert router(store, starter).decide(alert(2)) == "started"
    assert router(store, starter).decide(alert(3)) == "merged"
    assert stored(store, alert(2).incident_id).merged_alerts == 1


def test_alert_after_the_merge_window_is_a_new_one(
    store: EmbeddedTraces, starter: FakeStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An incident that stays open merges alerts within the window only."""
    router(store, starter).decide(alert(1))
    later = clock.now() + WINDOW
    monkeypatch.setattr(clock, "now", lambda: later)

    assert router(store, starter).decide(alert(2)) == "started"


def test_incident_past_its_deadline_merges_no_alert(
    store: EmbeddedTraces, starter: FakeStarter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An overdue incident merges nothing, even within its merge window; its successor merges alerts."""
    router(store, starter).decide(alert(1))
    later = clock.now() + DEADLINE
    monkeypatch.setattr(clock, "now", lambda: later)

    assert router(store, starter).decide(alert(2)) == "started"
    assert router(store, starter).decide(alert(3)) == "merged"
    assert stored(store, alert(2).incident_id).merged_alerts == 1


def test_resolution_of_an_open_incident_is_held_for_its_end(
    endpoint: FlaskClient, store: EmbeddedTraces, starter: FakeStarter
) -> None:
    """The end of an alert starts nothing: it waits to be sent in the thread of the brief, and so do further ends."""
    push(endpoint, alert(1).model_dump_json())

    for _ in range(2):
        assert push(endpoint, alert(2, status="resolved").model_dump_json()) == 200
        assert push(endpoint, alert(3, status="resolved").model_dump_json()) == 200

    first, second = stored(store, alert(2).incident_id), stored(store, alert(3).incident_id)
    assert first.hold is not None
    assert (first.state, first.hold.leads, first.hold.follows) == ("held", True, alert(1).incident_id)
    assert second.outcome is not None
    assert (second.state, second.outcome["kind"], second.follows) == ("closed", "resolved", first.incident_id)
    assert second.outcome["merged_into"] == alert(1).incident_id
    assert first.merged_alerts == 1
    assert starter.started == [alert(1).incident_id]


def test_resolution_without_an_incident_claims_no_service(store: EmbeddedTraces, starter: FakeStarter) -> None:
    """A resolution that comes first, as Pub/Sub may order them, does not swallow the alert that follows."""
    assert router(store, starter).decide(alert(1, status="resolved")) == "resolved"

    assert router(store, starter).decide(alert(2)) == "started"
    resolved = stored(store, alert(1).incident_id)
    assert resolved.outcome is not None
    assert resolved.outcome["merged_into"] is None


@pytest.mark.parametrize("text", ["", "no json", "{}", '{"incident_id": "X"}', "[1]", "\x00"])
def test_unreadable_message_is_stored_dead_lettered_and_acknowledged(
    endpoint: FlaskClient, store: EmbeddedTraces, starter: FakeStarter, dead_letter_topic: FakePubsub, text: str
) -> None:
    """A message that is not an alert would come back for days: it is stored and dead-lettered with the reason."""
    assert push(endpoint, text, message_id="m-7") == 200
    assert push(endpoint, text, message_id="m-7") == 200

    dead, reason = dead_letter_topic.dead[0]
    assert dead == DeadLetter(text.encode(), "m-7", {"sender": "test"})
    assert "'m-7' is not an Alert" in reason

    (record,) = store.incidents()
    assert record.incident_id.startswith("inc-unreadable-")
    assert (record.state, record.alert["text"]) == ("closed", text)
    assert record.outcome is not None
    assert record.outcome["failures"][0]["error_type"] == "Rejected"
    assert starter.started == []


def test_event_of_another_shape_is_stored(endpoint: FlaskClient, store: EmbeddedTraces) -> None:
    """Even an event without a message leaves a trace."""
    headers = {"ce-id": "1", "ce-source": "s", "ce-specversion": "1.0", "ce-type": "t"}

    assert endpoint.post("/", data=json.dumps([1]), headers=headers).status_code == 200
    assert len(store.incidents()) == 1


def test_message_that_cannot_be_dead_lettered_is_redelivered(
    endpoint: FlaskClient, dead_letter_topic: FakePubsub, store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dead letter that Pub/Sub did not accept is not acknowledged, and the trace has it already."""

    def fail(*_: object) -> str:
        raise Unavailable("no Pub/Sub")

    monkeypatch.setattr(dead_letter_topic, "dead_letter", fail)

    assert push(endpoint, "no json") == 500
    assert len(store.incidents()) == 1


def test_unreachable_trace_store_makes_pubsub_deliver_again(
    endpoint: FlaskClient, monkeypatch: pytest.MonkeyPatch, starter: FakeStarter
) -> None:
    """Without the store nothing is decided: 500, and Pub/Sub delivers again."""

    def fail() -> EmbeddedTraces:
        raise Unavailable("no store")

    monkeypatch.setattr(traces, "connect", fail)

    assert push(endpoint, alert().model_dump_json()) == 500
    assert starter.started == []
