"""What one incident used when it was counted: `make bench ONLY=load` writes it, the costs are computed from it."""

import functools
import json
from collections.abc import Mapping
from pathlib import Path

COUNTED = Path(__file__).with_name("counted.json")
Paths = dict[str, dict[str, int]]


@functools.cache
def paths() -> Paths:
    """Return the counts of each path; see infra/bench/load/counts.py."""
    stored: Paths = json.loads(COUNTED.read_text(encoding="utf-8"))
    return stored


def write(measured: Mapping[str, Mapping[str, int]]) -> None:
    """Replace the counts."""
    COUNTED.write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")
    paths.cache_clear()
