"""Google's own Firestore and Pub/Sub emulators: started on loopback, ended with all that they started."""

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

HOW_TO_GET = {
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
    """An emulator is absent or did not start; the message says what to do or what it said."""


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
    """Return what runs an emulator on a loopback port. Raises EmulatorFailed saying how to get it."""
    verb = ["start"] if name == "firestore" else []
    return [str(script(name)), *verb, f"--host={HOST}", f"--port={port}"]


def script(name: str) -> Path:
    """Return the launch script of an emulator. Raises EmulatorFailed saying how to get it."""
    root = sdk_root()
    found = root / _SCRIPTS[name] if root else None
    if found is None or not found.exists() or shutil.which("java") is None:
        raise EmulatorFailed(HOW_TO_GET[name])
    return found


def sdk_root() -> Path | None:
    """Return where the Cloud SDK lies, none when gcloud is not on the PATH or does not say."""
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    for parent in Path(gcloud).resolve().parents:
        if (parent / "platform").is_dir():
            return parent
    # A wrapper script, as Debian's: gcloud itself knows.
    asked = subprocess.run(
        ["gcloud", "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, timeout=60
    )
    return Path(asked.stdout.strip()) if asked.returncode == 0 and asked.stdout.strip() else None


@contextmanager
def _running(command: Sequence[str], port: int, log_path: Path) -> Iterator[str]:
    """Run one emulator in a process group of its own, for its script starts a Java machine that outlives it."""
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
    said = log_path.read_text(errors="replace")[-2000:]
    raise EmulatorFailed(f"{process.args!r} did not listen on port {port} within {timeout_s} s; it said: {said}")


def _end_group(process: subprocess.Popen[bytes], timeout_s: float = 10) -> None:
    """End the script and its Java machine: asked first, forced after `patience_s` seconds."""
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
