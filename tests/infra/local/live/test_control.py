"""`make stop`, `make status`, `make break`, `make heal`: they talk to a running stack, or say that none runs."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.live import control
from infra.local.terminal import Terminal


def seen(folder: Path) -> None:
    """Wait until the process has a command line, which it gets by exec."""
    deadline = time.monotonic() + 30
    while control.running_pid(folder) is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture
def running(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that looks like a stack in `tmp_path`."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", "infra.local"]
    with subprocess.Popen(command) as process:
        (tmp_path / control.PID_FILE).write_text(str(process.pid))
        services = {
            "alert_intake": {"pid": process.pid, "url": "http://127.0.0.1:1"},
            "rca": {"pid": 2**22 + 1, "url": "http://127.0.0.1:2"},
        }
        (tmp_path / "stack.json").write_text(json.dumps(services))
        seen(tmp_path)
        yield process
        process.kill()


def test_status_says_what_runs_where(
    running: "subprocess.Popen[bytes]", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And which version the service runs."""
    (tmp_path / control.VERSION_FILE).write_text("after")

    assert control.status(tmp_path, Terminal(width=200)) == 0

    screen = capsys.readouterr().out
    assert f"Running as pid {running.pid}, 1 of 2 processes" in screen
    assert "rca has died; it is started again" in screen
    assert "http://127.0.0.1:1/webhook/trigger_agent" in screen
    assert "`make heal` changes that" in screen


def test_break_and_heal_change_the_version_once(
    running: "subprocess.Popen[bytes]", tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The running stack reads it."""
    (tmp_path / control.VERSION_FILE).write_text("after")

    assert control.deploy(tmp_path, "break", Terminal(width=200)) == 0
    assert "already runs" in capsys.readouterr().out
    assert control.deploy(tmp_path, "heal", Terminal(width=200)) == 0
    assert control.deployed(tmp_path) == "before"


def test_stop_ends_it_and_returns_once_it_has_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second stop says that nothing runs."""
    # A grandchild: a process of our own that has ended would stay until we ask for it.
    inner = [sys.executable, "-c", "import time; time.sleep(60)", "infra.local"]
    quiet = "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL"
    script = f"import subprocess; print(subprocess.Popen({inner!r}, {quiet}).pid)"
    pid = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    (tmp_path / control.PID_FILE).write_text(pid)
    seen(tmp_path)

    assert control.stop(tmp_path, Terminal()) == 0
    assert "no process is left running" in capsys.readouterr().out
    assert control.running_pid(tmp_path) is None
    assert control.stop(tmp_path, Terminal()) == 0
    assert "not running" in capsys.readouterr().out


def test_number_of_another_program_is_no_stack(tmp_path: Path) -> None:
    """The system gives numbers anew."""
    with subprocess.Popen(["sleep", "60"]) as other:
        (tmp_path / control.PID_FILE).write_text(str(other.pid))
        assert control.running_pid(tmp_path) is None
        other.kill()


def test_without_a_stack_every_command_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line."""
    assert control.status(tmp_path, Terminal()) == 1
    assert control.deploy(tmp_path, "heal", Terminal()) == 1
    assert capsys.readouterr().out.count("start it with `make local`") == 2


def test_key_in_force_is_nobody_elses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only its owner reads it, and only while the stack runs it is in force."""
    control.note_running(tmp_path, "key of mine")

    assert stat.S_IMODE((tmp_path / control.KEY_FILE).stat().st_mode) == 0o600
    monkeypatch.setattr(control, "running_pid", lambda _: os.getpid())
    assert control.key_in_force(tmp_path) == "key of mine"
    monkeypatch.setattr(control, "running_pid", lambda _: None)
    assert control.key_in_force(tmp_path) is None
