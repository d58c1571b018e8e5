"""Alerts one after another for minutes: the memory and the open files of every process must not grow."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from infra import bundle
from infra.chaos.system import System

GROWTH = 0.05
"""How much memory and open files may grow from the second quarter to the last one."""
SAMPLE_S = 5.0
PAGE_BYTES = 4096
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


@dataclass(frozen=True)
class Sample:
    """Resident memory, in bytes, and open files of one function's processes, so many seconds after the start."""

    at_s: float
    memory_bytes: int
    files: int


@dataclass(frozen=True)
class Growth:
    """What one function held: the median of the second quarter of the time and of the last one, and how that grew."""

    name: str
    memory_mb: tuple[float, float]
    files: tuple[float, float]

    @property
    def grown(self) -> tuple[float, float]:
        """How much memory and open files grew, as shares."""
        return _share(*self.memory_mb), _share(*self.files)


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
        for each in self.growth:
            memory_share, files_share = each.grown
            lines.append(
                f"  {each.name:<20} {each.memory_mb[0]:7.1f} → {each.memory_mb[1]:7.1f} MB ({memory_share:+.1%}), "
                f"{each.files[0]:.0f} → {each.files[1]:.0f} open files ({files_share:+.1%})"
            )
        return lines

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
                    samples.setdefault(name, []).append(_sample(system.stack.services[name].process.pid, now_s))
            system.take_pull_requests()
            soak.alerts += 1
            incident_ids = system.post(f"soak-{soak.alerts}")
            soak.unpublished += [each for each in incident_ids if not _published(system, each)]
            if soak.alerts % 20 == 0:
                system.sweep()
                say(f"{now_s:.0f} s: {soak.alerts} alerts")
    soak.growth = [_growth(name, each) for name, each in samples.items()]
    return soak


def _published(system: System, incident_id: str) -> bool:
    end = time.monotonic() + OUTCOME_S
    while time.monotonic() < end:
        record = system.record(incident_id)
        if record is not None and record.state == "closed":
            return True
        time.sleep(0.1)
    return False


def _sample(pid: int, at_s: float) -> Sample:
    """Return what the processes of a group hold: the server and its worker."""
    memory_bytes, files = 0, 0
    for process in _group(pid):
        try:
            memory_bytes += int((process / "statm").read_text().split()[1]) * PAGE_BYTES
            files += len(list((process / "fd").iterdir()))
        except OSError:
            continue
    return Sample(at_s, memory_bytes, files)


def _group(pid: int) -> list[Path]:
    members = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # The fields after the command, whose name is in parentheses: state, parent, group.
            group = int((process / "stat").read_text().rpartition(")")[2].split()[2])
        except (OSError, ValueError, IndexError):
            continue
        if group == pid:
            members.append(process)
    return members


def _growth(name: str, samples: list[Sample]) -> Growth:
    quarter = max(1, len(samples) // 4)
    early, late = samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:]
    memory_mb = tuple(round(_median([each.memory_bytes for each in part]) / 1e6, 1) for part in (early, late))
    files = tuple(_median([each.files for each in part]) for part in (early, late))
    return Growth(name, (memory_mb[0], memory_mb[1]), (files[0], files[1]))


def _median(values: list[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _share(before: float, after: float) -> float:
    return (after - before) / before if before else 0.0
