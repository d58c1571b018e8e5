"""Alerts one after another for minutes: the memory and the open files of every process must not grow."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from infra import bundle
from infra.chaos.memory_use import GROWTH, Growth, Sample, growth, sample
from infra.chaos.system import System

SAMPLE_S = 5.0
OUTCOME_S = 60.0


class Result(Protocol):
    """What a command found."""

    @property
    def is_clean(self) -> bool:
        """Whether all is well."""
        ...

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        ...

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        ...


@dataclass
class Soak:
    """What a soak measured."""

    minutes: float
    alerts: int = 0
    unpublished: list[str] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every alert was published, and no function's memory or open files grew by more than GROWTH."""
        return not self.unpublished and all(share <= GROWTH for each in self.growth for share in each.grown)

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        lines = [f"{self.alerts} alerts in {self.minutes:g} minutes, {len(self.unpublished)} not published"]
        return [*lines, *(each.line() for each in self.growth)]

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {**asdict(self), "is_clean": self.is_clean}


def run(folder: Path, minutes: float, say: Callable[[str], None]) -> Soak:
    """Post alerts for so many minutes, each once the one before is published; return what was measured."""
    soak, samples = Soak(minutes), dict[str, list[Sample]]()
    with System(folder) as system:
        start = time.monotonic()
        sampled_s = -SAMPLE_S
        while (now_s := time.monotonic() - start) < minutes * 60:
            if now_s - sampled_s >= SAMPLE_S:
                sampled_s = now_s
                for name in bundle.names():
                    samples.setdefault(name, []).append(sample(system.stack.services[name].process.pid, now_s))
            system.take_pull_requests()
            soak.alerts += 1
            incident_ids = system.post(f"soak-{soak.alerts}")
            soak.unpublished += [each for each in incident_ids if not _published(system, each)]
            if soak.alerts % 20 == 0:
                system.sweep()
                say(f"{now_s:.0f} s: {soak.alerts} alerts")
    soak.growth = [growth(name, each) for name, each in samples.items()]
    return soak


def _published(system: System, incident_id: str) -> bool:
    end = time.monotonic() + OUTCOME_S
    while time.monotonic() < end:
        record = system.record(incident_id)
        if record is not None and record.state == "closed":
            return True
        time.sleep(0.1)
    return False
