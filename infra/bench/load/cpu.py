"""The CPU time of processes and of everything they started; see proc(5)."""

import os
from collections.abc import Iterable
from pathlib import Path

from infra.chaos.memory_use import processes_of

TICKS = os.sysconf("SC_CLK_TCK")


def seconds(pids: Iterable[int]) -> float:
    """Return the CPU seconds that the groups of these processes have used so far, ended children included."""
    return sum(_ticks(process) for pid in pids for process in processes_of(pid)) / TICKS


def _ticks(process: Path) -> int:
    try:
        # Fields 14 to 17: user and system, own and children's. Before them a command in parentheses, with spaces.
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15]))
