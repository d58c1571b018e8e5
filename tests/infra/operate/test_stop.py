"""`make pause` and `make resume`: what is stopped, in which order, and that it is undone."""

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from infra.operate import maintenance_windows, stop
from infra.operate.__main__ import main
from shared import clock
from shared.admission import maintenance
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from tests.builders import an_alert
from tests.infra.test_deploy import lint

PLACE = stop.Place("example-project", "europe-west1")


class Gcloud:
    """Stands for gcloud: records what was run, lists two executions, fails at one verb where that is wanted."""

    def __init__(self, failing: str = "") -> None:
        self.run: list[list[str]] = []
        self._failing = failing

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.run.append(list(command))
        listed = json.dumps([{"name": "projects/1/locations/e/workflows/incident/executions/a1"}, {"name": "x/b2"}])
        if self._failing and self._failing in command:
            return subprocess.CompletedProcess(command, 1, stdout="", stderr="PERMISSION_DENIED")
        return subprocess.CompletedProcess(command, 0, stdout=listed if "list" in command else "", stderr="")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedTraces]:
    """The traces of the system that is stopped."""
    settings = EmbeddedSettings(traces_path=tmp_path / "stopped.sqlite3")
    opened = EmbeddedTraces(settings)
    monkeypatch.setattr(
        maintenance_windows, "opened_store", lambda _project: contextlib.nullcontext(opened), raising=True
    )
    yield opened
    opened.close()


@pytest.fixture
def console() -> Console:
    """A terminal."""
    return Console(file=io.StringIO(), record=True, width=200)


def test_stop_holds_alerts_then_mails_then_ends_what_runs(
    store: EmbeddedTraces, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every service's alerts are held, the sweeper sends nothing, and no execution goes on."""
    gcloud = Gcloud()
    monkeypatch.setattr(subprocess, "run", gcloud)

    assert stop.stop(PLACE, 24, console) == 0

    window = maintenance.window_of(an_alert(), store)
    assert window is not None
    assert 23.9 < (window.until - clock.now()).total_seconds() / 3600 <= 24
    assert [" ".join(command[1:5]) for command in gcloud.run] == [
        f"scheduler jobs pause {stop.SWEEPER}",
        "workflows executions list incident",
        "workflows executions cancel a1",
        "workflows executions cancel b2",
    ]
    assert "2 executions are cancelled" in console.export_text()


def test_resume_undoes_the_stop(store: EmbeddedTraces, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job runs again, and the window is gone."""
    gcloud = Gcloud()
    monkeypatch.setattr(subprocess, "run", gcloud)
    stop.stop(PLACE, 24, console)

    assert stop.go_on(PLACE, console) == 0

    assert gcloud.run[-1][:4] == ["gcloud", "scheduler", "jobs", "resume"]
    assert maintenance.windows(store) == []


@pytest.mark.parametrize(("verb", "so_far"), [("pause", "new alerts are held"), ("cancel", "nothing is sent")])
def test_failed_command_says_what_is_stopped_already(
    store: EmbeddedTraces, console: Console, monkeypatch: pytest.MonkeyPatch, verb: str, so_far: str
) -> None:
    """A tired person need not work it out."""
    monkeypatch.setattr(subprocess, "run", Gcloud(failing=verb))

    with pytest.raises(stop.StopFailed, match=f"PERMISSION_DENIED. Stopped so far: {so_far}"):
        stop.stop(PLACE, 24, console)
    assert maintenance.windows(store)


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "inf", "1e12", "9000"])
def test_hours_beyond_a_year_are_refused(hours: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is stopped."""
    with pytest.raises(SystemExit):
        main(["stop", "--hours", hours])

    assert "not between 0 and 8784 hours" in capsys.readouterr().err


def test_laptop_holds_its_alerts_without_gcloud(
    store: EmbeddedTraces, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its processes are the operator's own."""
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("gcloud was run"))

    assert stop.stop(None, 1, console) == 0
    assert stop.go_on(None, console) == 0
    assert maintenance.windows(store) == []


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_knows_every_command(tmp_path: Path) -> None:
    """No flag is misspelled."""
    commands = [PLACE.job("pause"), PLACE.job("resume"), PLACE.running(), PLACE.cancel("a1")]

    assert lint([" ".join(f"'{part}'" if "(" in part else part for part in each) for each in commands], tmp_path) == []
