"""Incidents that the workflow does not publish are published by the sweeper, once: real processes are killed."""

import contextlib
import email
import email.policy
import json
import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests

from functions.incident_sweeper.step_calls import late_delivery_of
from infra.local.cli.demo import SCENARIO, WORKFLOW, post_alert
from infra.local.engine.client import EngineClient
from infra.local.scenarios.build import build
from infra.local.stack.stack import Options, Stack
from shared import clock
from shared.contracts import Outcome
from shared.traces.port import TraceStore

TIMEOUT_S = 60.0
# Not started for so long that a busy machine has long started it.
SETTINGS = {"INCIDENT_START_SECONDS": "60", "WORKFLOW_TIMEOUT_S": "5", "MERGE_WINDOW_SECONDS": "0"}
Value = TypeVar("Value")


@dataclass(frozen=True)
class System:
    """The whole system without its scheduler: tests ask for sweeps."""

    stack: Stack
    traces: TraceStore

    def alert(self) -> str:
        """Post the scenario's alert, whose incident is real, as another of its kind; return the incident's id."""
        body = json.loads(self.stack.built.alert.read_text())
        body["alerts"][0]["fingerprint"] = secrets.token_hex(8)
        posted = self.stack.folder / "alert.json"
        posted.write_text(json.dumps(body))
        return post_alert(self.stack, posted)

    @contextlib.contextmanager
    def held(self, name: str) -> Iterator[None]:
        """Stop a function where it is; its callers wait."""
        pid = self.stack.services[name].process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def advised(self, incident_id: str) -> bool:
        """Return whether `suggestion` has answered: the run is in its middle."""
        return "SuggestionAgent" in self.traces.answers(incident_id)

    def sweep(self) -> dict[str, Any]:
        """Sweep as the scheduler would; return what was swept."""
        reply = requests.post(self.stack.services["incident_sweeper"].url, json={}, timeout=120)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def outcome(self, incident_id: str) -> dict[str, Any] | None:
        """Return the outcome the incident is closed with, or None while it is open."""
        record = self.traces.incident(incident_id)
        return record.outcome if record else None

    def state_of_execution(self, incident_id: str) -> str:
        """Return what the engine says of the incident's execution."""
        execution = EngineClient(self.stack.services["engine"].url, WORKFLOW).execution(incident_id)
        return execution.state if execution else "absent"

    def mails(self, incident_id: str) -> list[str]:
        """Return the texts of the mails about the incident."""
        parsed = [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                  for path in (self.stack.folder / "mail").glob("*.eml")]  # fmt: skip
        about = [mail for mail in parsed if f"{incident_id}.brief@" in str(mail["Message-ID"])]
        return [part.get_content() for mail in about if (part := mail.get_body(("plain",)))]

    def hook_calls(self, incident_id: str) -> list[Path]:
        """Return the calls of the hook about the incident, but for the early brief."""
        calls = [path for path in (self.stack.folder / "hook").glob("*.json") if incident_id in path.read_text()]
        return [path for path in calls if json.loads(path.read_text())["body"]["kind"] != "early"]


def until(read: Callable[[], Value], is_good: Callable[[Value], bool] = bool) -> Value:
    """Return the value once it is good, or the last value read when the time is up."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_good(value := read()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return value


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system on stand-ins."""
    folder = tmp_path_factory.mktemp("system")
    built = build(SCENARIO, folder / "scenario", clock.now())
    with Stack(folder, built, Options(settings=SETTINGS, has_clock=False)) as stack, stack.traces() as traces:
        yield System(stack, traces)


@pytest.fixture
def system(running: System) -> Iterator[System]:
    """The system with every process up."""
    yield running
    for name in ("post_process", "engine", "gmail"):
        if not running.stack.services[name].is_running:
            running.stack.restart(name)


def assert_published_once(system: System, incident_id: str) -> str:
    """One mail, one call of the hook, one degraded outcome that names the workflow; return the mail's text."""
    outcome = system.outcome(incident_id)
    assert outcome is not None
    assert (outcome["kind"], outcome["mail_status"], outcome["hook_status"]) == ("degraded", "sent", "called")
    assert "workflow" in {failure["step"] for failure in outcome["failures"]}
    assert len(system.hook_calls(incident_id)) == 1
    (text,) = system.mails(incident_id)
    assert "The run ended before it could report" in text
    return text


def test_incident_whose_post_process_was_dead_is_published_once_it_is_back(system: System) -> None:
    """Killed before the alert, the execution fails unpublished; five sweeps at once publish it once."""
    system.stack.kill("post_process")
    incident_id = system.alert()
    assert until(lambda: system.state_of_execution(incident_id), lambda state: state == "FAILED") == "FAILED"
    assert system.sweep()["failed"] == [incident_id]
    assert system.mails(incident_id) == []
    system.stack.restart("post_process")

    with ThreadPoolExecutor(5) as pool:
        published = [name for swept in pool.map(lambda _: system.sweep(), range(5)) for name in swept["published"]]

    assert published == [incident_id]
    assert "ended FAILED" in assert_published_once(system, incident_id)
    assert system.sweep() == {"published": [], "failed": [], "settled": [], "waiting": 0}


def test_incident_whose_engine_was_killed_is_published(system: System) -> None:
    """The engine dies in the middle of a run and forgets it: the incident is published with what was found by then."""
    with system.held("rca"):
        incident_id = system.alert()
        assert until(lambda: system.advised(incident_id))
        system.stack.kill("engine")
        assert system.sweep() == {"published": [], "failed": [], "settled": [], "waiting": 1}
        system.stack.restart("engine")

        # gRPC needs a moment to reconnect.
        assert until(lambda: system.sweep()["published"]) == [incident_id]

    text = assert_published_once(system, incident_id)
    assert "unknown to Workflows" in text
    assert "ZeroDivisionError" in text


def test_incident_under_way_is_left_alone(system: System) -> None:
    """A slow run within its deadline is left to the workflow: it ends in its own full brief, mailed once."""
    with system.held("rca"):
        incident_id = system.alert()
        assert until(lambda: system.advised(incident_id))
        assert system.sweep() == {"published": [], "failed": [], "settled": [], "waiting": 1}
        assert system.mails(incident_id) == []

    outcome = until(lambda: system.outcome(incident_id))
    assert outcome is not None
    assert (outcome["kind"], outcome["mail_status"]) == ("full", "sent")
    assert system.sweep() == {"published": [], "failed": [], "settled": [], "waiting": 0}
    assert (len(system.mails(incident_id)), len(system.hook_calls(incident_id))) == (1, 1)


def test_mail_lost_to_an_outage_is_sent_later_once(system: System) -> None:
    """Gmail is down for longer than all retries: called again, post_process mails the brief and nothing else."""
    system.stack.kill("gmail")
    incident_id = system.alert()
    outcome = until(lambda: system.outcome(incident_id))
    assert outcome is not None
    assert (outcome["mail_status"], outcome["hook_status"]) == ("failed", "called")
    system.stack.restart("gmail")
    record = system.traces.incident(incident_id)
    assert record is not None
    again = late_delivery_of(record, Outcome.model_validate(record.outcome), 1).model_dump(mode="json")

    url = system.stack.services["post_process"].url
    answers = [requests.post(url, json=again, timeout=60).json() for _ in range(2)]

    outcome = system.outcome(incident_id)
    assert outcome is not None
    assert answers[0] == answers[1]
    assert (outcome["kind"], outcome["mail_status"]) == ("full", "sent")
    assert (len(system.mails(incident_id)), len(system.hook_calls(incident_id))) == (1, 1)
