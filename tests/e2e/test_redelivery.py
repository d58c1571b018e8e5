"""Messages delivered more than once, starters that die, messages that cannot be handled: with real processes."""

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import pytest
import requests
from google.pubsub_v1 import types

from infra.local.cli import dead_letters
from infra.local.cli.dead_letters import UnhandledMessage
from infra.local.cli.demo import SCENARIO, WORKFLOW
from infra.local.pubsub import topics
from infra.local.scenarios.build import build
from infra.local.stack.stack import PROJECT, Options, Stack
from shared import clock
from shared.contracts import Alert
from shared.traces.port import TraceStore
from tests.e2e.valve import Valve
from tests.emulated import need

TIMEOUT_S = 40.0
# Short enough to wait for, long enough for a start on a busy machine.
SETTINGS = {"START_LEASE_SECONDS": "5", "WORKFLOW_TIMEOUT_S": "2"}
Value = TypeVar("Value")


@dataclass(frozen=True)
class System:
    """Pub/Sub, an engine behind a valve, a trace store, and the starter between them, each a process of its own."""

    stack: Stack
    valve: Valve
    traces: TraceStore

    def publish(self, data: bytes) -> str:
        """Publish a message as alert_intake would; return its id."""
        topic = f"projects/{PROJECT}/topics/{topics.ALERTS}"
        message = types.PubsubMessage(data=data, attributes={"sender": "test"})
        with topics.clients(self.stack.bus_address) as (publisher, _):
            return str(publisher.publish(topic=topic, messages=[message], timeout=10).message_ids[0])

    def push(self, alert: Alert) -> int:
        """Deliver a message to the starter directly, without Pub/Sub; return the status."""
        data = base64.b64encode(alert.model_dump_json().encode()).decode()
        message = {"data": data, "messageId": "17", "publishTime": "2026-01-31T08:00:00Z"}
        body = {"message": message, "subscription": f"projects/{PROJECT}/subscriptions/{topics.STARTER}"}
        return requests.post(self.stack.push_url, json=body, timeout=30).status_code

    def executions(self, incident_id: str) -> list[str]:
        """Return the names of the incident's executions, as the engine lists them."""
        url = f"{self.stack.services['engine'].url}/v1/{WORKFLOW}/executions"
        query = {"filter": f'labels.incident_id="{incident_id}"', "view": "FULL"}
        return [execution["name"] for execution in requests.get(url, query, timeout=10).json().get("executions", [])]

    def execution_of(self, incident_id: str) -> str | None:
        """Return the execution that the trace store names."""
        record = self.traces.incident(incident_id)
        return record.execution if record else None

    def is_leased(self, incident_id: str) -> bool:
        """Say whether a delivery holds the right to start the incident."""
        return self.traces.claim(f"start:{incident_id}", "test", clock.now()).holder != "test"

    def dead(self, message_ids: set[str]) -> dict[str, UnhandledMessage]:
        """Return the dead letters of these messages, once they are all there."""

        def read() -> dict[str, UnhandledMessage]:
            messages = dead_letters.read(self.stack.bus_address, PROJECT)
            return {one.message_id: one for one in messages if one.message_id in message_ids}

        return until(read, lambda messages: set(messages) == message_ids)


def until(read: Callable[[], Value], is_good: Callable[[Value], bool] = bool) -> Value:
    """Return the value once it is good, or the last value read when the time is up."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_good(value := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


def new_alert(**changes: object) -> Alert:
    """An alert of a service that has no open incident."""
    name, moment = secrets.token_hex(5), clock.now()
    facts = {"incident_id": f"inc-20260131-{name}", "service_name": f"service-{name}", "start": moment, "end": moment}
    return Alert.model_validate({**facts, "received_at": moment, **changes})


@pytest.fixture(scope="module", params=["stand-ins", "emulators"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system with the starter alone, on our stand-ins and on Google's emulators."""
    has_emulators = request.param == "emulators"
    if has_emulators:
        need("pubsub", "firestore")
    folder = tmp_path_factory.mktemp("system")
    built = build(SCENARIO, folder / "scenario", clock.now())
    with Valve() as valve:
        settings = {**SETTINGS, "WORKFLOWS_ENDPOINT": valve.address}
        options = Options(settings=settings, has_emulators=has_emulators, functions=("workflow_starter",))
        with Stack(folder, built, options) as stack:
            valve.target = stack.engine_address
            with stack.traces() as traces:
                yield System(stack, valve, traces)


@pytest.fixture
def system(running: System) -> Iterator[System]:
    """The system, its starter's connection to the engine made and open."""
    assert until(lambda: running.push(new_alert()), lambda status: status == 200) == 200
    yield running
    running.valve.release()
    if not running.stack.services["workflow_starter"].is_running:
        running.stack.restart("workflow_starter")


def test_message_delivered_five_times_at_once_starts_one_execution(system: System) -> None:
    """Each of several messages comes five times at once: one execution each, also after another delivery."""
    alerts = [new_alert() for _ in range(8)]

    with ThreadPoolExecutor(5) as pool:
        statuses = [set(pool.map(system.push, [alert] * 5)) for alert in alerts]

    assert all(of_alert <= {200, 500} for of_alert in statuses)
    for alert in alerts:
        assert until(partial(system.push, alert), lambda status: status == 200) == 200
        assert system.executions(alert.incident_id) == [system.execution_of(alert.incident_id)]


def test_delivery_while_another_starts_is_not_acknowledged(system: System) -> None:
    """If the delivery that is starting dies, this message must come again."""
    alert = new_alert()
    system.valve.hold("requests")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(system.push, alert)
        assert until(lambda: system.valve.is_holding("requests", alert.incident_id))
        second = system.push(alert)
        system.valve.release()

    assert second == 500
    assert until(lambda: system.push(alert), lambda status: status == 200) == 200
    assert first.result() in (200, 500)
    assert system.executions(alert.incident_id) == [system.execution_of(alert.incident_id)]


def test_starter_killed_between_lease_and_start_neither_loses_nor_doubles(system: System) -> None:
    """The lease is taken and nothing sent when it dies: redelivery starts the one execution after the lease."""
    alert = new_alert()
    system.valve.hold("requests")

    system.publish(alert.model_dump_json().encode())
    assert until(lambda: system.valve.is_holding("requests", alert.incident_id))
    is_leased = system.is_leased(alert.incident_id)
    system.stack.kill("workflow_starter")
    system.valve.drop()
    system.valve.release()

    assert is_leased
    assert system.executions(alert.incident_id) == []
    system.stack.restart("workflow_starter")
    assert until(lambda: system.execution_of(alert.incident_id))
    assert system.push(alert) == 200
    assert system.executions(alert.incident_id) == [system.execution_of(alert.incident_id)]


def test_starter_killed_after_sending_the_start_neither_loses_nor_doubles(system: System) -> None:
    """The execution runs, its starter died before the reply: redelivery finds it and starts no second one."""
    alert = new_alert()
    system.valve.hold("answers")

    system.publish(alert.model_dump_json().encode())
    started = until(lambda: system.executions(alert.incident_id))
    system.stack.kill("workflow_starter")
    system.valve.release()

    assert system.execution_of(alert.incident_id) is None
    system.stack.restart("workflow_starter")
    assert until(lambda: system.execution_of(alert.incident_id)) == started[0]
    assert system.push(alert) == 200
    assert system.executions(alert.incident_id) == started


def test_message_that_can_never_be_handled_is_a_dead_letter_with_its_reason(system: System) -> None:
    """No JSON, no alert, broken contract: each is a dead letter, whole, with its reason, and recorded."""
    broken = new_alert().model_dump_json().replace('"lookup_window_s":900', '"lookup_window_s":-1')
    bodies = {b"\xff no json": "Invalid JSON", b"{}": "incident_id: Field required", broken.encode(): "lookup_window_s"}
    wanted = {system.publish(data): (data, why) for data, why in bodies.items()}

    messages = system.dead(set(wanted))

    for message_id, (data, why) in wanted.items():
        dead_letter = messages[message_id]
        assert (dead_letter.data, dead_letter.attributes) == (data, {"sender": "test"})
        assert why in dead_letter.reason
    unreadable = [
        record for record in system.traces.incidents(limit=500) if record.incident_id.startswith("inc-unreadable-")
    ]
    assert {record.alert["message_id"] for record in unreadable} == set(wanted)


def test_alert_larger_than_an_argument_of_workflows_is_handled(system: System) -> None:
    """The workflow carries the most of it, and its steps read it whole from the trace."""
    large = new_alert(labels={f"label-{n}": "é" * 500 for n in range(64)})

    system.publish(large.model_dump_json().encode())

    assert until(lambda: system.execution_of(large.incident_id)) is not None
    record = system.traces.incident(large.incident_id)
    assert record is not None
    assert Alert.model_validate(record.alert) == large


def test_dead_letter_is_replayed_as_it_was(system: System) -> None:
    """A dead letter goes to the starter again, with its data and attributes, and is no dead letter meanwhile."""
    first = system.publish(b"still no json")
    system.dead({first})

    replayed = dead_letters.replay(system.stack.bus_address, PROJECT)

    def again() -> list[UnhandledMessage]:
        messages = dead_letters.read(system.stack.bus_address, PROJECT)
        return [one for one in messages if one.data == b"still no json"]

    (dead_letter,) = until(again)
    assert first in {one.message_id for one in replayed}
    assert dead_letter.message_id != first
    assert dead_letter.attributes == {"sender": "test"}
