"""A function by itself: its bundle and a fresh virtual environment of just the bundle's own requirements."""

import platform
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import yaml

from infra import bundle
from infra.bundle import Bundle

INSTALL_TIMEOUT_S = 300


class InstallFailed(Exception):
    """pip could not install a bundle's requirements; the message ends with pip's own."""


@dataclass(frozen=True)
class Isolated:
    """One function, its bundle and the environment that holds nothing but what the bundle requires."""

    bundle: Bundle
    environment: Path

    @property
    def python(self) -> Path:
        """The interpreter of the environment."""
        return self.environment / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where the environment keeps what was installed."""
        return next((self.environment / "lib").glob("python3*/site-packages"))

    @property
    def entry_point(self) -> str:
        """The name of the function in main.py."""
        return str(self._manifest()["entry_point"])

    @property
    def signature(self) -> str:
        """How functions-framework calls it: http or cloudevent."""
        return "http" if self._manifest()["trigger"] == "http" else "cloudevent"

    def _manifest(self) -> dict[str, object]:
        manifest: dict[str, object] = yaml.safe_load((self.bundle.folder / "function.yaml").read_text(encoding="utf-8"))
        return manifest


def isolate(name: str, folder: Path) -> Isolated:
    """Bundle the function into `folder` and install what it needs beside it. Raises InstallFailed."""
    built = bundle.write(name, folder)
    environment = folder / f"{name}-environment"
    venv.create(environment, with_pip=False)
    # pip of this environment installs into that one, so that not even pip is in it.
    pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python"), "install", "--quiet"]
    pip += ["--no-compile", "--disable-pip-version-check", "-r", str(_requirements(built.folder))]
    done = subprocess.run(pip, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    if done.returncode:
        raise InstallFailed(f"{name}: {done.stderr[-2000:]}")
    return Isolated(built, environment)


def _requirements(folder: Path) -> Path:
    """Return the file to install from: where functions do not run, other wheels with other hashes are needed."""
    path = folder / "requirements.txt"
    if (sys.platform, platform.machine()) == ("linux", "x86_64"):
        return path
    lines = [line.split(" --hash=")[0] for line in path.read_text(encoding="utf-8").splitlines()]
    unchecked = folder.with_suffix(".requirements.txt")
    unchecked.write_text("\n".join(line for line in lines if line != "--require-hashes"), encoding="utf-8")
    return unchecked
