"""Fixtures of the whole suite: no test reaches beyond this machine or sees the developer's environment."""

import gc
import os
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

# Set by the fixtures that start them.
EMULATORS = ("FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST")
FAULT_TABLE = "model fault"
"""Property of a test that ran a model fault: (fault, what happened, seconds)."""
DESCRIPTORS = Path("/proc/self/fd")
# What fixtures of the whole session may open during one file: a sandbox, an emulator's channel, a log. select() and
# the usual limit of a process end at 1,024, and about 250 files share a process.
MAX_LEFT_OPEN = 32
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@pytest.fixture(autouse=True)
def _only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection beyond loopback fails the test that tries it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise AssertionError(f"a test tried to reach {address[0]!r}; only loopback is allowed")
        connect(self, address)  # type: ignore[arg-type]  # whatever address form the caller used

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings come from the test alone; traces go to its temporary folder."""
    allowed = {"PATH", "HOME", "LANG", "TMPDIR", "CI", "JAVA_HOME", "VIRTUAL_ENV", *EMULATORS}
    for name in set(os.environ) - allowed:
        if not name.startswith(("PYTEST", "COVERAGE", "CLOUDSDK")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACES_PROVIDER", "embedded")
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "traces.sqlite3"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedTraces]:
    """An empty trace store, the one that traces.connect() opens in this test."""
    opened = EmbeddedTraces(EmbeddedSettings(traces_path=tmp_path / "traces.sqlite3"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True, scope="module")
def _closes_what_it_opens(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test file that leaves many descriptors open fails, and says of what kind they are."""
    before = _descriptors()
    yield
    if (_descriptors() - before).total() > MAX_LEFT_OPEN:
        # A test's exception holds its frames, and these their connections, until they are collected.
        gc.collect()
        left = _descriptors() - before
        assert left.total() <= MAX_LEFT_OPEN, f"{request.node.nodeid} left descriptors open: {dict(left)}"


def _descriptors() -> Counter[str]:
    """Count the open descriptors by kind, or by the file's name; none where the system does not list them."""
    kinds: Counter[str] = Counter()
    for one in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        try:
            kinds[one.readlink().name.partition(":")[0]] += 1
        except FileNotFoundError:
            continue  # Another thread, or this listing itself, has closed it.
    return kinds


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the result of each model fault, also of those tested in another process."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    properties = [pair for report in reports for pair in getattr(report, "user_properties", ())]
    rows = [row for name, row in properties if name == FAULT_TABLE]
    if rows:
        terminalreporter.section("model faults")
    for fault, happened, seconds in sorted(rows):
        terminalreporter.write_line(f"{fault:<32} {seconds:>5.1f} s  {happened}")
