"""The wheels that a function's build may install: one version of each package, and the SHA-256 of each file of it.

python -m infra.wheels                 asks the package index for what functions/requirements.txt needs, as
                                       infra/constraints.txt pins it, and rewrites infra/wheels.json

For Linux on x86-64, where functions run, and every Python they may run on. pip refuses a file with another hash.
Source: https://pip.pypa.io/en/stable/topics/secure-installs/#hash-checking-mode
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from infra import bundle

WHEELS = bundle.ROOT / "infra" / "wheels.json"
PYTHONS = ("3.11", "3.12", "3.13")
PLATFORMS = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_26", "manylinux_2_17", "manylinux2014", "manylinux1")
TIMEOUT_S = 600


@dataclass(frozen=True)
class Package:
    """One package: its version, what it requires as its metadata says, and the hashes of its wheels."""

    name: str
    version: str
    requires: tuple[str, ...]
    sha256: tuple[str, ...]
    extras: tuple[str, ...] = ()
    """Those that another package asks for."""

    def line(self) -> str:
        """Return its line of a requirements.txt."""
        name = f"{self.name}[{','.join(self.extras)}]" if self.extras else self.name
        return " ".join([f"{name}=={self.version}", *(f"--hash=sha256:{each}" for each in self.sha256)])


def packages() -> dict[str, Package]:
    """Return the packages by their canonical names."""
    stored = json.loads(WHEELS.read_text(encoding="utf-8"))
    return {
        name: Package(name, row["version"], tuple(row["requires"]), tuple(row["sha256"]))
        for name, row in stored.items()
    }


def closure(wanted: Iterable[str], hashed: dict[str, Package]) -> list[Package]:
    """Return all that is installed for the wanted packages, by name. Raises KeyError naming one without hashes."""
    waiting = [Requirement(name) for name in wanted]
    done: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = str(canonicalize_name(requirement.name)), tuple(sorted(requirement.extras))
        if name not in hashed:
            raise KeyError(f"{name}: infra/wheels.json has no hashes of it; run `python -m infra.wheels`")
        # pip checks what is asked for with extras and without them as two requirements.
        for group in {(), extras} - {each for one, each in done if one == name}:
            done.add((name, group))
            requires = map(Requirement, hashed[name].requires)
            waiting += [one for one in requires if any(_applies(one, extra) for extra in group or ("",))]
    return [replace(hashed[name], extras=extras) for name, extras in sorted(done)]


def _applies(requirement: Requirement, extra: str) -> bool:
    if requirement.marker is None:
        return not extra
    runtime = {"python_version": PYTHONS[0], "python_full_version": f"{PYTHONS[0]}.0", "sys_platform": "linux"}
    environment = {**runtime, "platform_system": "Linux", "os_name": "posix", "platform_machine": "x86_64"}
    return requirement.marker.evaluate({**environment, "extra": extra})


def _report(python: str, folder: Path) -> list[dict[str, Any]]:
    """Return what pip would install for a Python, without installing it."""
    report = folder / f"{python}.json"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
    command += ["--only-binary=:all:", "--disable-pip-version-check"]
    command += [f"--report={report}", f"--target={folder}", f"--python-version={python}"]
    command += [f"--platform={platform}_x86_64" for platform in PLATFORMS]
    command += ["-r", str(bundle.FUNCTIONS / "requirements.txt")]
    subprocess.run(command, check=True, timeout=TIMEOUT_S)
    installed: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return installed


def write() -> None:
    """Ask the index, and rewrite the file."""
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for entry in (entry for python in PYTHONS for entry in _report(python, Path(folder))):
            metadata = entry["metadata"]
            row = rows.setdefault(str(canonicalize_name(metadata["name"])), {"sha256": []})
            row |= {"version": metadata["version"], "requires": sorted(metadata.get("requires_dist", []))}
            row["sha256"].append(entry["download_info"]["archive_info"]["hashes"]["sha256"])
    for row in rows.values():
        row["sha256"] = sorted(set(row["sha256"]))
        row["requires"] = [one for one in row["requires"] if canonicalize_name(Requirement(one).name) in rows]
    WHEELS.write_text(json.dumps(rows, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
