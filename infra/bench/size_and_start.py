"""How large each function is and how long it takes to start: `make bench`.

python -m infra.bench.size_and_start [NAME ...]   prints a table; writes build/bench.json, and infra/README.md

A start is functions-framework loading the bundle in an environment of its own; the first use adds the libraries that
are imported where they are needed. Both in CPU seconds, because wall-clock time would measure other processes too; the
best of three counts, and compiling to bytecode is done before, as an image has it.
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
print(loaded, time.process_time(), len(sys.modules))
"""


@dataclass(frozen=True)
class Measured:
    """One function; sizes of the zip in KB (1,000 bytes) and of the environment in MB, times in CPU seconds."""

    name: str
    bundle_kb: float
    bundle_files: int
    packages: int
    environment_mb: float
    start_cpu_s: float
    first_use_cpu_s: float
    modules: int


def measure(name: str, folder: Path) -> Measured:
    """Install and start one function. Raises InstallFailed, CalledProcessError (it does not start)."""
    isolated = isolate(name, folder)
    starts = [_start(isolated) for _ in range(STARTS + 1)][1:]
    size = sum(path.stat().st_size for path in isolated.packages.rglob("*") if path.suffix != ".pyc" and path.is_file())
    return Measured(
        name=name,
        bundle_kb=round(isolated.bundle.archive.stat().st_size / 1000, 1),
        bundle_files=len(bundle.files(name)),
        packages=len(list(isolated.packages.glob("*.dist-info"))),
        environment_mb=round(size / 1_000_000, 1),
        start_cpu_s=round(min(loaded for loaded, _, _ in starts), 2),
        first_use_cpu_s=round(min(used for _, used, _ in starts), 2),
        modules=int(starts[0][2]),
    )


def _start(isolated: Isolated) -> tuple[float, float, float]:
    source = str(isolated.bundle.folder / "main.py")
    imports = bundle.closure(isolated.bundle.name).imports()
    libraries = sorted(name for name in imports if not name.startswith("shared"))
    code = _START.format(target=isolated.entry_point, source=source, signature=isolated.signature, libraries=libraries)
    done = subprocess.run([isolated.python, "-c", code], env={}, cwd="/", capture_output=True, text=True, check=True)
    loaded, used, modules = map(float, done.stdout.splitlines()[-1].split())
    return loaded, used, modules


def table(results: Sequence[Measured]) -> str:
    """Return the results as a table of Markdown, with when and on what they were measured."""
    where = f"{clock.now():%Y-%m-%d}, Python {platform.python_version()} on {platform.machine()}"
    titles = ["function", "bundle KB", "files", "packages", "environment MB", "start s", "first use s", "modules"]
    rows = [titles, ["---", *["--:"] * (len(titles) - 1)], *(_row(result) for result in results)]
    lines = [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join([f"Measured on {where}, by `make bench`.", "", *lines])


def _row(result: Measured) -> list[str]:
    counts = [f"{result.bundle_kb:.0f}", str(result.bundle_files), str(result.packages), f"{result.environment_mb:.0f}"]
    return [
        f"`{result.name}`",
        *counts,
        f"{result.start_cpu_s:.2f}",
        f"{result.first_use_cpu_s:.2f}",
        str(result.modules),
    ]


def main(wanted: Sequence[str]) -> int:
    """Measure the wanted functions, by default all; only a whole table goes into the README."""
    results = []
    for name in wanted or bundle.names():
        with tempfile.TemporaryDirectory() as folder:
            results.append(measure(name, Path(folder)))
        print(f"  measured {name}", file=sys.stderr)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([asdict(result) for result in results], indent=2) + "\n", encoding="utf-8")
    print(table(results))
    if not wanted:
        readme_tables.replace("bench", table(results))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
