"""Maintenance windows from the command line, in the traces of a run."""

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.cli import serve
from infra.operate import maintenance_windows
from shared import clock
from shared.errors import Rejected, Unavailable


def _window(name: str) -> str:
    until = clock.now() + timedelta(hours=1)
    facts = {"name": name, "matchers": {"service_name": "shop-*"}, "start": clock.now().isoformat()}
    return json.dumps({**facts, "until": until.isoformat()})


def test_windows_are_added_listed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of the same name is replaced; each command ends with the list."""
    monkeypatch.setattr(serve, "CURRENT", tmp_path)
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "traces.sqlite3").touch()

    def run(add: str | None = None, remove: str | None = None) -> str:
        console = Console(file=io.StringIO(), record=True, width=200)
        assert maintenance_windows.run(add, remove, None, console) == 0
        return console.export_text()

    run(add=_window("move"))
    run(add=_window("move"))
    listed = run(add=_window("upgrade"))
    removed = run(remove="move")

    assert [line.split()[0] for line in listed.splitlines()] == ["move", "upgrade"]
    assert "service_name=shop-*" in listed
    assert removed.splitlines()[0] == "0 held alerts are released."
    assert [line.split()[0] for line in removed.splitlines()[1:]] == ["upgrade"]
    with pytest.raises(Rejected, match="no maintenance window"):
        run(add="{}")
    with pytest.raises(Rejected, match="until must be at most 366 days from now"):
        run(add=_window("for ever").replace('"until": "2', '"until": "9'))


def test_without_a_run_there_is_nothing_to_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says how to start one."""
    monkeypatch.setattr(serve, "CURRENT", tmp_path)

    with pytest.raises(Unavailable, match="make local"):
        maintenance_windows.run(None, None, None, Console(file=io.StringIO()))
