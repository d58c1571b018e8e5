"""Google's own Firestore and Pub/Sub emulators: started on loopback, stopped together with their child processes."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.local.stack.processes import HOST, free_port

HOW_TO_INSTALL = {
    "firestore": "Google's Firestore emulator is not installed: get the Google Cloud SDK, a Java runtime, and "
    "`gcloud components install cloud-firestore-emulator` or `apt-get install google-cloud-cli-firestore-emulator`",
    "pubsub": "Google's Pub/Sub emulator is not installed: get the Google Cloud SDK, a Java runtime, and "
    "`gcloud components install pubsub-emulator` or `apt-get install google-cloud-cli-pubsub-emulator`",
}

_SCRIPTS = {
    "firestore": "platform/cloud-firestore-emulator/cloud_firestore_emulator",
    "pubsub": "platform/pubsub-emulator/bin/cloud-pubsub-emulator",
}


class EmulatorFailed(Exception):
    """An emulator is not installed or did not start; the message says what to install, or ends with its log."""


@contextmanager
def firestore(log_path: Path) -> Iterator[str]:
    """Run the Firestore emulator; yield its host:port, the value of FIRESTORE_EMULATOR_HOST."""
    port = free_port()
    with _running(command("firestore", port), port, log_path) as address:
        yield address


@contextmanager
def pubsub(log_path: Path) -> Iterator[str]:
    """Run the Pub/Sub emulator; yield its host:port, the value of PUBSUB_EMULATOR_HOST."""
    port = free_port()
    with _running(command("pubsub", port), port, log_path) as address:
        yield address


def command(name: str, port: int) -> list[str]:
    """Return the command that runs an emulator on a loopback port. Raises EmulatorFailed saying how to install it."""
    verb = ["start"] if name == "firestore" else []
    return [str(script(name)), *verb, f"--host={HOST}", f"--port={port}"]


def script(name: str) -> Path:
    """Return the launch script of an emulator. Raises EmulatorFailed saying how to install it."""
    root = sdk_root()
    path = root / _SCRIPTS[name] if root else None
    if path is None or not path.exists() or shutil.which("java") is None:
        raise EmulatorFailed(HOW_TO_INSTALL[name])
    return path


def sdk_root() -> Path | None:
    """Return the folder of the Cloud SDK, or None when gcloud is not on the PATH or does not report it."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    for parent in Path(gcloud).resolve().parents:
        if (parent / "platform").is_dir():
            return parent
    # A wrapper script, like Debian's: only gcloud itself knows the folder.
    info = subprocess.run(
        ["gcloud", "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, timeout=60
    )
    return Path(info.stdout.strip()) if info.returncode == 0 and info.stdout.strip() else None


@contextmanager
def _running(command: Sequence[str], port: int, log_path: Path) -> Iterator[str]:
    """Run one emulator in its own process group: its script starts a Java process that outlives the script."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait_for_port(process, port, log_path)
        yield f"127.0.0.1:{port}"
    finally:
        _end_group(process)


def _wait_for_port(process: subprocess.Popen[bytes], port: int, log_path: Path, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    log_text = log_path.read_text(errors="replace")[-2000:]
    raise EmulatorFailed(f"{process.args!r} did not listen on port {port} in {timeout_s} s; its log ends: {log_text}")


def _end_group(process: subprocess.Popen[bytes], timeout_s: float = 10) -> None:
    """Stop the script and its Java process: with SIGTERM, then with SIGKILL after `timeout_s` seconds."""
    for name in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, name)
        except ProcessLookupError:
            break
        deadline = time.monotonic() + timeout_s
        while _group_lives(process) and time.monotonic() < deadline:
            time.sleep(0.05)
    process.wait(timeout_s)


def _group_lives(process: subprocess.Popen[bytes]) -> bool:
    process.poll()
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
