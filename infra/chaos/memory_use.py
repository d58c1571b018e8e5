"""The memory and the open files of a function's processes while it is used."""

from dataclasses import dataclass
from pathlib import Path

GROWTH = 0.05
"""How much memory and open files may grow from the second quarter to the last one."""
PAGE_BYTES = 4096


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

    def line(self) -> str:
        """Return it for a terminal."""
        memory_share, files_share = self.grown
        return (
            f"  {self.name:<20} {self.memory_mb[0]:7.1f} → {self.memory_mb[1]:7.1f} MB ({memory_share:+.1%}), "
            f"{self.files[0]:.0f} → {self.files[1]:.0f} open files ({files_share:+.1%})"
        )


def sample(pid: int, at_s: float) -> Sample:
    """Return what the processes of a group hold: the server and its worker."""
    memory_bytes, files = 0, 0
    for process in processes_of(pid):
        try:
            memory_bytes += int((process / "statm").read_text().split()[1]) * PAGE_BYTES
            files += len(list((process / "fd").iterdir()))
        except OSError:
            continue
    return Sample(at_s, memory_bytes, files)


def processes_of(pid: int) -> list[Path]:
    """Return the folders below /proc of the processes of a group."""
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


def growth(name: str, samples: list[Sample]) -> Growth:
    """Return how a function's memory and open files grew from the second quarter of the samples to the last one."""
    quarter = max(1, len(samples) // 4)
    return growth_between(name, samples[quarter : 2 * quarter] or samples[:1], samples[-quarter:])


def growth_between(name: str, early: list[Sample], late: list[Sample]) -> Growth:
    """Return how a function's memory and open files grew from some samples to others, by their medians."""
    before_mb, after_mb = (round(_median([each.memory_bytes for each in part]) / 1e6, 1) for part in (early, late))
    before, after = (_median([each.files for each in part]) for part in (early, late))
    return Growth(name, (before_mb, after_mb), (before, after))


def _median(values: list[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _share(before: float, after: float) -> float:
    return (after - before) / before if before else 0.0
