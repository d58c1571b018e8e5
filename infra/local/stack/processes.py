"""Child processes of the local stack: each has a name and its own log file, and all of them are stopped."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STOP_S = 5.0
PORTS = range(15_000, 32_000)
_returned: set[int] = set()
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
HOST = "127.0.0.1"


class StartFailed(Exception):
    """A process ended, or did not listen in time; the message ends with the last lines of its log."""


@dataclass(frozen=True)
class Service:
    """One process that listens on a loopback port."""

    name: str
    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def url(self) -> str:
        """Its root URL."""
        return f"http://{HOST}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether its process is alive."""
        return self.process.poll() is None

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """
    Hold signals back until the block ends, then let the first of them act.

    An interrupt between a start and its registration, or in the middle of a stop, would leave a process behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers = {number: signal.signal(number, lambda received, _: held.append(received)) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0])


def free_port() -> int:
    """
    Return a loopback port that is free now, never one returned before.

    It lies below the ports that systems hand out by themselves: between this call and the start of a process, a socket
    of another program cannot be given the same one. Raises StartFailed when none is found.
    """
    for _ in range(1000):
        port = random.choice(PORTS)  # noqa: S311  # not used for a secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            if port not in _returned:
                _returned.add(port)
                return port
    raise StartFailed(f"No port between {PORTS[0]} and {PORTS[-1]} is free")


def start(name: str, command: Sequence[str], port: int, logs: Path, env: Mapping[str, str], cwd: Path) -> Service:
    """Start one process in its own process group, its output going to `logs`/<name>.log."""
    log = logs / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=dict(env), cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
    return Service(name, process, port, log)


def function_command(folder: Path, manifest: Mapping[str, Any], port: int, timeout_s: float) -> list[str]:
    """Return the command that serves the function bundled in `folder` on loopback, with its timeout."""
    # -P: the folder of the script is no place to import from.
    command = [sys.executable, "-P", str(Path(__file__).with_name("function_server.py"))]
    command += ["--source", str(folder.resolve() / "main.py"), "--target", manifest["entry_point"]]
    command += ["--signature-type", "http" if manifest["trigger"] == "http" else "cloudevent"]
    return [*command, "--host", HOST, "--port", str(port), "--timeout-s", str(timeout_s)]


def wait_listening(service: Service, timeout_s: float) -> None:
    """Return when the service accepts connections. Raises StartFailed."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if not service.is_running:
            raise StartFailed(f"{service.name} ended with {service.process.returncode}:\n{service.tail()}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, service.port), timeout=0.5):
            return
        time.sleep(0.05)
    raise StartFailed(f"{service.name} did not listen on port {service.port} in {timeout_s:g} s:\n{service.tail()}")


def stop(services: Sequence[Service]) -> None:
    """Stop every service with its children: with SIGTERM, then with SIGKILL."""
    with uninterrupted():
        _stop(services)


def _stop(services: Sequence[Service]) -> None:
    for service in services:
        _signal(service, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    for service in services:
        with contextlib.suppress(subprocess.TimeoutExpired):
            service.process.wait(max(0.1, deadline - time.monotonic()))
    for service in services:
        # Also when the parent is gone: its workers may still run.
        _signal(service, signal.SIGKILL)
        service.process.wait()


def kill(service: Service) -> None:
    """Kill a service and its children without warning, like a machine that dies."""
    _signal(service, signal.SIGKILL)
    service.process.wait()


def _signal(service: Service, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(service.process.pid, number)
