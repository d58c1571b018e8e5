"""How large each function is and how long it takes to start: `make bench`.

python -m infra.bench.size_and_start [NAME ...]   prints a table; writes build/bench.json, and infra/README.md

A start is functions-framework loading the bundle in an environment of its own; the first use adds the libraries that
are imported where they are needed. Both in CPU seconds, because wall-clock time would measure other processes too; the
best of three counts, and compiling to bytecode is done before, as an image has it. In the same environment an empty
function starts: what functions-framework takes by itself, below which no function gets.
"""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from infra import bundle, readme_tables
from infra.isolated_install import Isolated, isolate
from shared import clock

RESULTS = bundle.BUILD / "bench.json"
STARTS = 3

_START = """
import importlib, sys, time
import functions_framework
functions_framework.create_app(target={target!r}, source={source!r}, signature_type={signature!r})
loaded = time.process_time()
for name in {libraries!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        pass  # a name within a module, or one for tests alone
used = time.process_time()
pages = int(open("/proc/self/statm").read().split()[1])
print(loaded, used, len(sys.modules), pages * 4096 / 1_000_000)
"""
_EMPTY = "def empty(request):\n    return ''\n"
LIMIT_CPU_S, LIMIT_WITHOUT_MODEL_CPU_S = 0.6, 0.35
"""What a start may take, and that of a function that asks no model."""


@dataclass(frozen=True)
class Measured:
    """
    One function; sizes of the zip in KB (1,000 bytes) and of the environment in MB, times in CPU seconds.

    `rss_mb` is its resident memory with everything imported, `empty_cpu_s` the start of an empty function beside it.
    """

    name: str
    bundle_kb: float
    bundle_files: int
    packages: int
    environment_mb: float
    start_cpu_s: float
    first_use_cpu_s: float
    modules: int
    rss_mb: float
    empty_cpu_s: float

    @property
    def limit_cpu_s(self) -> float:
        """What its start may take."""
        return LIMIT_CPU_S if (bundle.FUNCTIONS / self.name / "prompt.md").exists() else LIMIT_WITHOUT_MODEL_CPU_S


def measure(isolated: Isolated) -> Measured:
    """Start one function that was installed. Raises CalledProcessError (it does not start)."""
    name = isolated.bundle.name
    empty = isolated.environment.with_suffix(".empty.py")
    empty.write_text(_EMPTY, encoding="utf-8")
    source = str(isolated.bundle.folder / "main.py")
    starts, empties = [], []
    # By turns, so that what else the machine does strikes both.
    for _ in range(STARTS + 1):
        starts.append(_start(isolated, source, isolated.entry_point, isolated.signature))
        empties.append(_start(isolated, str(empty), "empty", "http"))
    starts, empties = starts[1:], empties[1:]
    size = sum(path.stat().st_size for path in isolated.packages.rglob("*") if path.suffix != ".pyc" and path.is_file())
    return Measured(
        name=name,
        bundle_kb=round(isolated.bundle.archive.stat().st_size / 1000, 1),
        bundle_files=len(bundle.files(name)),
        packages=len(list(isolated.packages.glob("*.dist-info"))),
        environment_mb=round(size / 1_000_000, 1),
        start_cpu_s=round(min(start[0] for start in starts), 2),
        first_use_cpu_s=round(min(start[1] for start in starts), 2),
        modules=int(starts[0][2]),
        rss_mb=round(max(start[3] for start in starts), 1),
        empty_cpu_s=round(min(start[0] for start in empties), 2),
    )


def _start(isolated: Isolated, source: str, target: str, signature: str) -> tuple[float, ...]:
    """Return CPU seconds of the start and with the first use, how many modules there are then, and MB of memory."""
    imports = bundle.closure(isolated.bundle.name).imports() if target != "empty" else set()
    libraries = sorted(name for name in imports if not name.startswith("shared"))
    code = _START.format(target=target, source=source, signature=signature, libraries=libraries)
    done = subprocess.run([isolated.python, "-c", code], env={}, cwd="/", capture_output=True, text=True, check=True)
    return tuple(map(float, done.stdout.splitlines()[-1].split()))


def table(results: Sequence[Measured]) -> str:
    """Return the results as a table of Markdown, with when and on what they were measured."""
    where = f"{clock.now():%Y-%m-%d}, Python {platform.python_version()} on {platform.machine()}"
    titles = [
        "function",
        "bundle KB",
        "files",
        "packages",
        "environment MB",
        "empty s",
        "start s",
        "limit s",
        "first use s",
        "modules",
        "RSS MB",
    ]
    rows = [titles, ["---", *["--:"] * (len(titles) - 1)], *(_row(result) for result in results)]
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([f"Measured on {where}, by `make bench`.", "", *lines])


def _row(result: Measured) -> list[str]:
    missed = "**" if result.start_cpu_s > result.limit_cpu_s else ""
    return [
        f"`{result.name}`",
        f"{result.bundle_kb:.0f}",
        str(result.bundle_files),
        str(result.packages),
        f"{result.environment_mb:.0f}",
        f"{result.empty_cpu_s:.2f}",
        f"{missed}{result.start_cpu_s:.2f}{missed}",
        f"{result.limit_cpu_s:.2f}",
        f"{result.first_use_cpu_s:.2f}",
        str(result.modules),
        f"{result.rss_mb:.0f}",
    ]


def main(wanted: Sequence[str]) -> int:
    """Measure the wanted functions, by default all; only a whole table goes into the README."""
    results = []
    for name in wanted or bundle.names():
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(isolate(name, Path(folder))))
        print(f"  measured {name}", file=sys.stderr)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    print(table(results))
    if not wanted:
        readme_tables.replace("bench", table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
