"""The commands that talk to a running `make local`: stop, status, break and heal."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

from rich.console import Console

PID_FILE, VERSION_FILE, KEY_FILE = "up.pid", "deployed", "webhook.key"
STOP_S = 30.0
VERSIONS = {"break": "after", "heal": "before"}
WORDS = {"after": "the version with the regression", "before": "the version before it"}


def note_running(folder: Path, key: str) -> None:
    """Write down which process runs the stack, and the key that its webhook checks, for nobody else to read."""
    (folder / PID_FILE).write_text(str(os.getpid()))
    path = folder / KEY_FILE
    path.touch(mode=0o600)
    path.write_text(key, encoding="utf-8")


def key_in_force(folder: Path) -> str | None:
    """Return the key that the running stack checks, or None when none runs."""
    path = folder / KEY_FILE
    return path.read_text(encoding="utf-8") if path.exists() and running_pid(folder) else None


def running_pid(folder: Path) -> int | None:
    """Return the process that runs the stack in a folder, or None when it has ended."""
    try:
        pid = int((folder / PID_FILE).read_text())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return None
    # The number may belong to another program by now.
    line = Path(f"/proc/{pid}/cmdline")
    return pid if not line.exists() or b"infra.local" in line.read_bytes() else None


def stop(folder: Path, console: Console) -> int:
    """Stop the running stack, and return once every process has ended; 1 when it does not end."""
    pid = running_pid(folder)
    if pid is None:
        console.print("The stack is not running.")
        return 0
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline:
        if running_pid(folder) is None:
            console.print("Stopped; no process is left running.")
            return 0
        time.sleep(0.1)
    console.print(f"Process {pid} does not end; its terminal says why.")
    return 1


def status(folder: Path, console: Console) -> int:
    """Print what runs where; return 1 when nothing runs."""
    pid, path = running_pid(folder), folder / "stack.json"
    if pid is None or not path.exists():
        console.print("The stack is not running: start it with `make local`.")
        return 1
    services: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    dead = [name for name, service in services.items() if not _is_alive(int(service["pid"]))]
    console.print(
        f"Running as pid {pid}, {len(services) - len(dead)} of {len(services)} processes, in {folder.resolve()}"
    )
    for name in dead:
        console.print(f"  {name} has died; it is started again")
    for label, name, page in (
        ("alerts", "alert_intake", "/webhook/trigger_agent"),
        ("console", "incident_console", "/incidents"),
    ):
        if name in services:
            console.print(f"  {label:<9}{services[name]['url']}{page}")
    if (version := deployed(folder)) is not None:
        verb = "heal" if version == "after" else "break"
        console.print(f"  {'service':<9}runs {WORDS[version]}; `make {verb}` changes that")
    return 0


def deploy(folder: Path, verb: str, console: Console) -> int:
    """Have the running stack's service deployed in the version that a verb means; 1 when nothing runs."""
    if running_pid(folder) is None:
        console.print("The stack is not running: start it with `make local`.")
        return 1
    version = VERSIONS[verb]
    if deployed(folder) == version:
        console.print(f"The service already runs {WORDS[version]}.")
        return 0
    (folder / VERSION_FILE).write_text(version)
    console.print(f"{WORDS[version].capitalize()} is being deployed. `make alert` posts an alert about the service.")
    return 0


def deployed(folder: Path) -> str | None:
    """Return which version the service is to run, or None when it has no live traffic."""
    path = folder / VERSION_FILE
    text = path.read_text().strip() if path.exists() else ""
    return text if text in WORDS else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    state = Path(f"/proc/{pid}/stat")
    # A process that has ended and that nobody has asked about is a zombie.
    return not state.exists() or ") Z " not in state.read_text()
