"""
Measure load: `make bench ONLY=load`.

python -m infra.bench.load [PART ...] [--sizes 1,10,50,200]

Parts: counts, what one incident uses; intake, what alert_intake accepts; burst, many incidents at once. Each writes its
result into build/load.json; once all are there, their table goes into infra/README.md. Counts go into
infra/costs/counted.json besides, from which the costs are computed: run `make generate` then.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra import bundle, readme_tables
from infra.bench.load import burst, counts, intake, report
from infra.costs import counted
from shared import clock

RESULTS = bundle.BUILD / "load.json"
PARTS = ("counts", "intake", "burst")


def main(arguments: Sequence[str]) -> int:
    """Measure the parts; return 0 when nothing was lost, and no step failed."""
    parser = argparse.ArgumentParser(prog="python -m infra.bench.load", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; default all")
    parser.add_argument("--sizes", type=_sizes, default=burst.SIZES, help="how many incidents at once")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"there is no part {', '.join(sorted(unknown))}")
    stored: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    is_clean = True
    for part in chosen.parts or PARTS:
        with tempfile.TemporaryDirectory() as folder:
            result, part_is_clean = _measure(part, Path(folder), chosen.sizes)
        stored[part] = result
        is_clean &= part_is_clean
    stored["measured"] = f"{clock.now():%Y-%m-%d}, Python {platform.python_version()} on {platform.machine()}"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    print(report.tables(stored))
    if set(PARTS) <= set(stored):
        readme_tables.replace("load", report.tables(stored))
    return 0 if is_clean else 1


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(int(size) for size in text.split(","))


def _measure(part: str, folder: Path, sizes: tuple[int, ...]) -> tuple[dict[str, Any], bool]:
    """Measure one part; return its result, and whether each alert became what it should."""
    if part == "counts":
        used = counts.run(folder)
        counted.write({path: _without_times(used) for path, used in used.paths.items()})
        return asdict(used), used.kinds == counts.KINDS
    if part == "intake":
        accepted = intake.run(folder)
        return asdict(accepted), accepted.is_clean
    bursts = burst.run(folder, sizes, _progress)
    return bursts.as_json(), bursts.is_clean


def _without_times(used: dict[str, int]) -> dict[str, int]:
    """Return what does not depend on the machine."""
    return {name: count for name, count in used.items() if not name.endswith("_ms")}


def _progress(line: str) -> None:
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
