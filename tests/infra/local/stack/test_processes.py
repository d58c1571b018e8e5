"""Child processes: started, waited for, and all of them stopped."""

import os
import signal
import socket
import sys
import time
from pathlib import Path

import pytest

from infra.local.stack import processes
from infra.local.stack.processes import StartFailed

LISTEN = (
    "import socket, sys, time; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); print('up'); time.sleep(60)"
)


def _start(tmp_path: Path, code: str) -> processes.Service:
    port = processes.free_port()
    return processes.start("child", [sys.executable, "-c", code, str(port)], port, tmp_path, dict(os.environ), tmp_path)


def test_listening_service_is_waited_for_and_stopped(tmp_path: Path) -> None:
    """After `stop` the process is gone."""
    service = _start(tmp_path, LISTEN)

    processes.wait_listening(service, 20)
    assert service.is_running

    processes.stop([service])
    assert not service.is_running


def test_service_that_dies_is_reported_with_its_last_log_lines(tmp_path: Path) -> None:
    """The error says why the service did not start."""
    service = _start(tmp_path, "raise SystemExit('no such key')")

    with pytest.raises(StartFailed, match="no such key"):
        processes.wait_listening(service, 20)


def test_service_that_never_listens_is_reported(tmp_path: Path) -> None:
    """A start that hangs fails at its deadline."""
    service = _start(tmp_path, "import time; time.sleep(60)")

    with pytest.raises(StartFailed, match="did not listen"):
        processes.wait_listening(service, 0.3)
    processes.stop([service])


def test_children_of_a_service_are_stopped_too(tmp_path: Path) -> None:
    """A server's workers do not outlive it, even one that ignores SIGTERM."""
    code = (
        "import os, signal, socket, sys, time\n"
        "port = int(sys.argv[1])\n"
        "if os.fork() == 0:\n"
        "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "    open('worker', 'w').write(str(os.getpid()))\n"
        "    server = socket.create_server(('127.0.0.1', port))\n"
        "    time.sleep(60)\n"
        "time.sleep(60)\n"
    )
    service = _start(tmp_path, code)
    processes.wait_listening(service, 20)
    worker = int((tmp_path / "worker").read_text())

    processes.stop([service])

    deadline = time.monotonic() + 5
    while not _is_gone(worker):
        assert time.monotonic() < deadline, "the worker outlived its service"


def test_interrupt_waits_for_the_end_of_an_uninterrupted_block() -> None:
    """A started process is registered before the interrupt acts on it."""
    done = []

    def interrupt() -> None:
        with processes.uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("registered")

    # A shell that starts the tests in the background has them ignore SIGINT.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            interrupt()
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["registered"]


def _is_gone(pid: int) -> bool:
    """A killed process whose parent has not yet collected it counts as gone."""
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_free_ports_are_never_those_the_system_hands_out() -> None:
    """A socket that asks for any port cannot take one that a service is about to listen on."""
    ports = [processes.free_port() for _ in range(200)]

    assert len(set(ports)) == 200
    with socket.socket() as handed_out:
        handed_out.bind(("127.0.0.1", 0))
        assert handed_out.getsockname()[1] not in processes.PORTS
