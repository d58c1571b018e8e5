"""What one incident uses of everything that is billed or has a quota, counted where it passes, on Google's emulators.

The stack runs with a proxy before each service and each emulator, the defaults of its brakes, and no scheduler. Three
paths: `full`, an incident with a pull request; `healthy`, an alert about a service that works; `repeat`, one more alert
of a service whose brief is just out, with the sweep that publishes the update. `sweep` is one that has nothing to do.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from infra import bundle
from infra.bench.load import healthy
from infra.bench.load.grpc_counter import GrpcCounter
from infra.bench.load.http_counter import HttpCounter
from infra.chaos.system import WORKFLOW_FILE, System
from infra.local.cli.demo import WORKFLOW
from infra.local.engine.client import EngineClient
from shared import clock
from shared.contracts import Outcome
from shared.traces.port import IncidentRecord

EMULATORS = {"bus": "PUBSUB_EMULATOR_HOST", "firestore": "FIRESTORE_EMULATOR_HOST"}
HEALTHY, VERSION_BEFORE = "basket-api", "2.14.1"
"""The service that works, and the version of the scenario that did."""
HOLD_S = 1
TIMEOUT_S = 120.0
POLL_S = 0.25
Counts = dict[str, int]


@dataclass
class Counted:
    """The counts of each path, and how its incident ended."""

    paths: dict[str, Counts] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


class CountedSystem(System):
    """The system with counting proxies; enter it to start every process."""

    def __init__(self, folder: Path) -> None:
        self.http: Counter[str] = Counter()
        self._grpc = {name: GrpcCounter() for name in EMULATORS}
        self._listening = ExitStack()
        addresses = {variable: self._grpc[name].address for name, variable in EMULATORS.items()}
        # A hold of a second, not of two minutes: what is counted is the same, and the measurement is shorter.
        settings = {**addresses, "FLAP_HOLD_SECONDS": str(HOLD_S)}
        super().__init__(folder, has_emulators=True, is_impatient=False, settings=settings)
        built = self.stack.built
        if built.metrics is not None:
            healthy.add(built.logs, built.metrics, HEALTHY, VERSION_BEFORE)

    def __enter__(self) -> Self:
        for counter in self._grpc.values():
            self._listening.enter_context(counter)
        super().__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        super().__exit__(kind, error, at)
        self._listening.close()

    def route(self, name: str, url: str) -> str:
        """Return the URL of the counting proxy before a service; of an emulator its own, which its proxy then gets."""
        if name in self._grpc:
            self._grpc[name].target = url.removeprefix("http://")
            return url
        if name not in self._proxies:
            self._proxies[name] = HttpCounter(name, url, self.kill_and_restart, self.http)
        return self._proxies[name].url

    def counts(self) -> Counter[str]:
        """Return everything counted so far."""
        total = Counter(self.http)
        for counter in self._grpc.values():
            total.update(counter.counts)
            total["firestore_documents"] += len(counter.documents)
        total["log_bytes"] = sum((self.folder / "logs" / f"{name}.log").stat().st_size for name in bundle.names())
        return total

    def alert(self, service: str, rule: str) -> dict[str, Any]:
        """Return the scenario's alert as one of `service`."""
        body = self.body_of(service)
        for alert in body["alerts"]:
            alert["labels"] |= {"app": service, "alertname": rule}
            alert["fingerprint"] = f"{service}-{rule}"
            if service == HEALTHY:
                del alert["labels"]["commit"]
        return body


ALERTS = {
    "full": ("checkout-api", "ErrorRatio"),
    "repeat": ("checkout-api", "SlowAnswers"),
    "healthy": (HEALTHY, "ErrorRatio"),
}
"""The service and the rule of each path."""
KINDS = {"full": "full", "repeat": "update", "healthy": "dismissed"}
"""How the incident of each path ends."""


def run(folder: Path, paths: tuple[str, ...] = ("full", "repeat", "healthy", "sweep")) -> Counted:
    """Play each path once, and return what it used. Raises StartFailed, EmulatorFailed, TimeoutError."""
    counted = Counted()
    with CountedSystem(folder) as system:
        for path in paths:
            # Each as the first of its hour: a new instance wakes the others.
            system.stack.restart("alert_intake")
            before = system.counts()
            if path == "sweep":
                system.sweep()
            else:
                record = _play(system, system.alert(*ALERTS[path]))
                counted.kinds[path] = Outcome.model_validate(record.outcome).kind
            used = system.counts()
            used.subtract(before)
            if path != "sweep":
                used.update(_of_the_trace(system, record.incident_id))
            counted.paths[path] = {name: count for name, count in sorted(used.items()) if count}
    return counted


def _play(system: CountedSystem, body: dict[str, Any]) -> IncidentRecord:
    """Post an alert and wait until its incident is closed and its execution over; what is held is swept."""
    (incident_id,) = system.post_body(body)
    end = time.monotonic() + TIMEOUT_S
    while time.monotonic() < end:
        record = system.record(incident_id)
        if record is not None and record.state == "held" and record.hold and record.hold.until < clock.now():
            system.sweep()
        if record is not None and record.state == "closed" and (not record.execution or system.has_ended(incident_id)):
            return record
        time.sleep(POLL_S)
    raise TimeoutError(f"{incident_id} is not closed after {TIMEOUT_S:.0f} s: {system.record(incident_id)}")


def _of_the_trace(system: CountedSystem, incident_id: str) -> Counter[str]:
    """Return what the trace and the engine know: tokens by model, and the steps of the workflow."""
    used: Counter[str] = Counter()
    trace = system.traces.document(incident_id)
    for run in (run for runs in (trace["traces"] if trace else {}).values() for run in runs):
        if run["tokens_in"]:
            used[f"tokens in of {run['model']}"] += run["tokens_in"]
            used[f"tokens out of {run['model']}"] += run["tokens_out"]
    engine = EngineClient(system.stack.services["engine"].url, WORKFLOW)
    if execution := engine.execution(incident_id):
        used.update(steps(engine.step_entries(execution), yaml.safe_load(WORKFLOW_FILE.read_text(encoding="utf-8"))))
    return used


def steps(entries: list[dict[str, Any]], workflow: dict[str, Any]) -> Counts:
    """
    Return the steps of an execution, and those that Workflows bills: each assignment of a step counts as one.

    All are internal: functions answer at run.app. Source: https://cloud.google.com/workflows/pricing, billable steps.
    """
    further = {(routine, name): count - 1 for routine, body in workflow.items() for name, count in _assigns(body)}
    extra = sum(further.get((entry["routine"], entry["step"]), 0) for entry in entries)
    return {"steps": len(entries), "billed_steps": len(entries) + extra}


def _assigns(node: Any) -> Iterator[tuple[str, int]]:
    """Yield every step below a part of the workflow that assigns, with how many variables."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, part in parts:
        if isinstance(part, dict) and "assign" in part:
            yield str(name), len(part["assign"])
        else:
            yield from _assigns(part)
