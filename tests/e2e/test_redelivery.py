"""Messages that come more than once, starters that die, messages nobody can handle: with real processes."""

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
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
Found = TypeVar("Found")


@dataclass(frozen=True)
class House:
    """A bus, an engine behind a valve, a memory, and the starter between them, each a process of its own."""

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
        """Deliver a message at the starter's door, past the bus; return the status."""
        data = base64.b64encode(alert.model_dump_json().encode()).decode()
        message = {"data": data, "messageId": "17", "publishTime": "2026-01-31T08:00:00Z"}
        body = {"message": message, "subscription": f"projects/{PROJECT}/subscriptions/{topics.STARTER}"}
        return requests.post(self.stack.push_url, json=body, timeout=30).status_code

    def executions(self, incident_id: str) -> list[str]:
        """Return the names of the incident's executions, as the engine lists them."""
        url = f"{self.stack.services['engine'].url}/v1/{WORKFLOW}/executions"
        query = {"filter": f'labels.incident_id="{incident_id}"', "view": "FULL"}
        return [found["name"] for found in requests.get(url, query, timeout=10).json().get("executions", [])]

    def execution_of(self, incident_id: str) -> str | None:
        """Return the execution that the memory knows."""
        record = self.traces.incident(incident_id)
        return record.execution if record else None

    def is_leased(self, incident_id: str) -> bool:
        """Say whether a delivery holds the right to start the incident."""
        return self.traces.claim(f"start:{incident_id}", "test", clock.now()).holder != "test"

    def dead(self, message_ids: set[str]) -> dict[str, UnhandledMessage]:
        """Return the dead letters of these messages, once they are all there."""

        def found() -> dict[str, UnhandledMessage]:
            letters = dead_letters.read(self.stack.bus_address, PROJECT)
            return {letter.message_id: letter for letter in letters if letter.message_id in message_ids}

        return until(found, lambda letters: set(letters) == message_ids)


def until(look: Callable[[], Found], is_good: Callable[[Found], bool] = bool) -> Found:
    """Return what is looked for once it is good, or what was seen last when patience ends."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_good(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return seen


def new_alert(**changes: object) -> Alert:
    """An alert of a service that has no open incident."""
    name, moment = secrets.token_hex(5), clock.now()
    facts = {"incident_id": f"inc-20260131-{name}", "service_name": f"service-{name}", "start": moment, "end": moment}
    return Alert.model_validate({**facts, "received_at": moment, **changes})


@pytest.fixture(scope="module", params=["stand-ins", "emulators"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house with the starter alone, on our stand-ins and on Google's emulators."""
    has_emulators = request.param == "emulators"
    if has_emulators:
        need("pubsub", "firestore")
    folder = tmp_path_factory.mktemp("house")
    built = build(SCENARIO, folder / "scenario", clock.now())
    with Valve() as valve:
        settings = {**SETTINGS, "WORKFLOWS_ENDPOINT": valve.address}
        options = Options(settings=settings, has_emulators=has_emulators, functions=("workflow_starter",))
        with Stack(folder, built, options) as stack:
            valve.target = stack.engine_address
            with stack.traces() as traces:
                yield House(stack, valve, traces)


@pytest.fixture
def house(running: House) -> Iterator[House]:
    """The house, its starter's connection to the engine made and open."""
    assert until(lambda: running.push(new_alert()), lambda status: status == 200) == 200
    yield running
    running.valve.release()
    if not running.stack.services["workflow_starter"].is_running:
        running.stack.restart("workflow_starter")


def test_message_delivered_five_times_at_once_starts_one_execution(house: House) -> None:
    """Each of several messages comes five times at once: one execution each, whoever delivers it again."""
    alerts = [new_alert() for _ in range(8)]

    with ThreadPoolExecutor(5) as pool:
        statuses = [set(pool.map(house.push, [alert] * 5)) for alert in alerts]

    assert all(found <= {200, 500} for found in statuses)
    for alert in alerts:
        assert until(lambda alert=alert: house.push(alert), lambda status: status == 200) == 200
        assert house.executions(alert.incident_id) == [house.execution_of(alert.incident_id)]


def test_delivery_while_another_starts_is_not_acknowledged(house: House) -> None:
    """Should the one that starts die, this message must come again."""
    alert = new_alert()
    house.valve.hold("requests")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(house.push, alert)
        assert until(lambda: house.valve.is_holding("requests", alert.incident_id))
        second = house.push(alert)
        house.valve.release()

    assert second == 500
    assert until(lambda: house.push(alert), lambda status: status == 200) == 200
    assert first.result() in (200, 500)
    assert house.executions(alert.incident_id) == [house.execution_of(alert.incident_id)]


def test_starter_killed_between_lease_and_start_neither_loses_nor_doubles(house: House) -> None:
    """The lease is taken and nothing sent when it dies: redelivery starts the one execution after the lease."""
    alert = new_alert()
    house.valve.hold("requests")

    house.publish(alert.model_dump_json().encode())
    assert until(lambda: house.valve.is_holding("requests", alert.incident_id))
    is_leased = house.is_leased(alert.incident_id)
    house.stack.kill("workflow_starter")
    house.valve.release()

    assert is_leased
    assert house.executions(alert.incident_id) == []
    house.stack.restart("workflow_starter")
    assert until(lambda: house.execution_of(alert.incident_id))
    assert house.push(alert) == 200
    assert house.executions(alert.incident_id) == [house.execution_of(alert.incident_id)]


def test_starter_killed_after_sending_the_start_neither_loses_nor_doubles(house: House) -> None:
    """The execution runs, and who started it died before it heard so: redelivery finds it and starts none."""
    alert = new_alert()
    house.valve.hold("answers")

    house.publish(alert.model_dump_json().encode())
    started = until(lambda: house.executions(alert.incident_id))
    house.stack.kill("workflow_starter")
    house.valve.release()

    assert house.execution_of(alert.incident_id) is None
    house.stack.restart("workflow_starter")
    assert until(lambda: house.execution_of(alert.incident_id)) == started[0]
    assert house.push(alert) == 200
    assert house.executions(alert.incident_id) == started


def test_message_that_can_never_be_handled_is_a_dead_letter_with_its_reason(house: House) -> None:
    """No JSON, no alert, a broken contract, too large for Workflows: each is buried whole, said why, and remembered."""
    large = new_alert(labels={f"label-{n}": "x" * 1000 for n in range(40)})
    broken = new_alert().model_dump_json().replace('"lookup_window_s":900', '"lookup_window_s":-1')
    bodies = {b"\xff no json": "Invalid JSON", b"{}": "incident_id: Field required", broken.encode(): "lookup_window_s"}
    wanted = {house.publish(data): (data, why) for data, why in bodies.items()}
    wanted[house.publish(large.model_dump_json().encode())] = (large.model_dump_json().encode(), "over 32768")

    letters = house.dead(set(wanted))

    for message_id, (data, why) in wanted.items():
        letter = letters[message_id]
        assert (letter.data, letter.attributes) == (data, {"sender": "test"})
        assert why in letter.reason
    kept = [record for record in house.traces.incidents(limit=500) if record.incident_id.startswith("inc-unreadable-")]
    assert {record.alert["message_id"] for record in kept} == set(wanted) - {message_id_of(letters, large)}
    trace = house.traces.document(large.incident_id)
    assert trace is not None
    assert "over 32768" in trace["traces"]["workflow_starter"][0]["errors"][0]["message"]
    assert house.executions(large.incident_id) == []


def message_id_of(letters: dict[str, UnhandledMessage], alert: Alert) -> str:
    """Return the id of the message that carried the alert."""
    return next(name for name, letter in letters.items() if alert.incident_id.encode() in letter.data)


def test_dead_letter_is_replayed_as_it_was(house: House) -> None:
    """What was buried goes to the starter once more, itself and its attributes, and is no dead letter meanwhile."""
    first = house.publish(b"still no json")
    house.dead({first})

    replayed = dead_letters.replay(house.stack.bus_address, PROJECT)

    def again() -> list[UnhandledMessage]:
        letters = dead_letters.read(house.stack.bus_address, PROJECT)
        return [letter for letter in letters if letter.data == b"still no json"]

    (letter,) = until(again)
    assert first in {one.message_id for one in replayed}
    assert letter.message_id != first
    assert letter.attributes == {"sender": "test"}
