"""How long many incidents at once take: services that fail at the same moment, each with an incident of its own.

The local stack, every function with a process for each core, as Cloud Run starts instances: one of Python uses one core
at most. The sandbox model has no latency. The brakes are raised, so that each incident is investigated; with their
defaults the first 30 of an hour are, and lists name the others (`make storm`).
All incidents are about one repository, so the first opens the pull request and the others refer to it. What one
incident takes is measured in the same run, on the warm stack, from incidents of that second kind: CPU seconds of all
processes of the stack. With that, so many incidents cannot be ready before N times CPU seconds / cores.
"""

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from infra.bench.load import cpu
from infra.chaos.cases import Case
from infra.chaos.judge import Sent, judge, sent
from infra.chaos.system import SETTINGS, System
from shared import clock
from shared.contracts import Outcome

RAISED = (
    "MERGE_WINDOW_SECONDS",
    "INVESTIGATIONS_PER_HOUR",
    "MAILS_PER_RECIPIENT_PER_HOUR",
    "MODEL_MAX_COST_USD_PER_DAY",
)
SIZES = (1, 10, 50, 200)
WARM, ALONE = 8, 3
"""Incidents at once that warm the stack, every process of it, and those one after another that are measured."""
BODY = 50
"""How many alerts come in one request."""
TIMEOUT_S = 900.0
POLL_S, SWEEP_S = 1.0, 60.0
SETTLE_S = 2.0
CASE = Case("burst")


@dataclass
class Burst:
    """So many incidents at once: when the last brief was out, and what became of each."""

    size: int
    accepted: int = 0
    last_s: float = 0.0
    cpu_s: float = 0.0
    kinds: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    """Steps that failed, as the briefs name them."""

    @property
    def is_clean(self) -> bool:
        """Whether each incident is in a message, once and true, and no step failed."""
        return self.accepted == self.size and not (self.lost or self.wrong or self.failures)


@dataclass
class Bursts:
    """What one incident takes alone, in CPU seconds and seconds, and every burst."""

    cores: int
    one_cpu_s: float = 0.0
    one_s: float = 0.0
    bursts: list[Burst] = field(default_factory=list)

    def bound_s(self, burst: Burst) -> float:
        """Return the time before which a burst cannot be ready, at the CPU that one incident takes alone."""
        return burst.size * self.one_cpu_s / self.cores

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost and no step failed."""
        return all(burst.is_clean for burst in self.bursts)

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        bursts = [vars(each) | {"kinds": dict(each.kinds), "failures": dict(each.failures)} for each in self.bursts]
        return vars(self) | {"bursts": bursts}


class DirectSystem(System):
    """The system without proxies, whose work would be counted as its own."""

    def route(self, name: str, url: str) -> str:  # noqa: ARG002  # as the method it replaces
        """Return the service's own URL."""
        return url

    def cpu_s(self) -> float:
        """Return the CPU seconds of all processes of the stack so far."""
        return cpu.seconds(service.process.pid for service in self.stack.services.values())


def run(folder: Path, sizes: tuple[int, ...], say: Callable[[str], None]) -> Bursts:
    """Measure one incident alone, then each burst. Raises StartFailed."""
    bursts = Bursts(os.cpu_count() or 1)
    raised = {name: SETTINGS[name] for name in RAISED}
    with DirectSystem(folder, is_impatient=False, settings=raised, workers=bursts.cores) as system:
        _burst(system, WARM, "warm")
        alone = [_burst(system, 1, f"alone-{number}") for number in range(ALONE)]
        bursts.one_cpu_s = round(sum(each.cpu_s for each in alone) / ALONE, 2)
        bursts.one_s = round(sum(each.last_s for each in alone) / ALONE, 2)
        say(f"one incident alone: {bursts.one_cpu_s:.2f} CPU s, {bursts.one_s:.1f} s")
        for size in sizes:
            bursts.bursts.append(_burst(system, size, f"of-{size}"))
            say(line(bursts, bursts.bursts[-1]))
    return bursts


def line(bursts: Bursts, burst: Burst) -> str:
    """Return one burst for a terminal."""
    bound = bursts.bound_s(burst)
    kinds = ", ".join(f"{kind} {count}" for kind, count in burst.kinds.most_common())
    failures = ", ".join(f"{count} × {name}" for name, count in burst.failures.most_common()) or "none"  # noqa: RUF001
    return (
        f"{burst.size} at once: last brief after {burst.last_s:.1f} s, {burst.last_s / bound:.2f} of {bound:.1f} s, "
        f"{burst.cpu_s / burst.size:.2f} CPU s each; {kinds}; lost {len(burst.lost)}, wrong {len(burst.wrong)}; "
        f"failed steps: {failures}"
    )


def _burst(system: DirectSystem, size: int, name: str) -> Burst:
    """Post so many alerts of as many services, wait until each incident is closed, and account for each."""
    burst, cpu_before, began = Burst(size), system.cpu_s(), clock.now()
    incident_ids: list[str] = []
    for first in range(0, size, BODY):
        services = [f"{name}-{number}" for number in range(first, min(first + BODY, size))]
        alerts = [alert for service in services for alert in system.body_of(service)["alerts"]]
        incident_ids += system.post_body({"alerts": alerts})
    burst.accepted = len(incident_ids)
    _wait(system, incident_ids)
    burst.last_s = round((_last_change(system, incident_ids, began) - began).total_seconds(), 2)
    # What ends after the brief counts too: the workflow's last step, answers that are written.
    time.sleep(SETTLE_S)
    burst.cpu_s = round(system.cpu_s() - cpu_before, 2)
    _account(system, incident_ids, burst)
    return burst


def _wait(system: System, incident_ids: list[str]) -> None:
    began = time.monotonic()
    waiting, swept = list(incident_ids), began
    while waiting and time.monotonic() < began + TIMEOUT_S:
        time.sleep(POLL_S)
        waiting = [each for each in waiting if (record := system.record(each)) is None or record.state != "closed"]
        if time.monotonic() > swept + SWEEP_S:
            swept = time.monotonic()
            system.sweep()


def _last_change(system: System, incident_ids: list[str], began: datetime) -> datetime:
    records = [system.record(each) for each in incident_ids]
    return max((record.updated_at for record in records if record is not None), default=began)


def _account(system: System, incident_ids: list[str], burst: Burst) -> None:
    by_incident = sent(system.folder, [])
    for incident_id in incident_ids:
        verdict = judge(system.traces, incident_id, CASE, by_incident.get(incident_id, Sent()))
        burst.kinds[verdict.kind] += 1
        burst.lost += [incident_id] if verdict.is_lost else []
        burst.wrong += [f"{incident_id}: {entry}" for entry in (*verdict.wrong, *verdict.doubled)]
        record = system.record(incident_id)
        if record is not None and record.outcome is not None:
            outcome = Outcome.model_validate(record.outcome)
            burst.failures.update(f"{failure.step} {failure.error_type}" for failure in outcome.failures)
