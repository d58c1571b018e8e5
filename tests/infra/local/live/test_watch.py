"""`make local` says what happens: each alert, each outcome, each process that died, once."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.local.live.watch import Watch
from infra.local.stack.processes import Service, StartFailed
from infra.local.terminal import Terminal
from shared import traces
from shared.errors import Unavailable
from shared.traces.port import Hold, IncidentRecord, TraceStore
from tests.builders import NOW

PAGE = "http://127.0.0.1:1/incidents"


class Stack:
    """A stack of one service that has ended; `revive` starts nothing."""

    console_url = PAGE

    def __init__(self, folder: Path) -> None:
        process = subprocess.Popen(["false"])
        process.wait()
        self.services = {"rca": Service("rca", process, 1, folder / "rca.log")}
        self.revived: list[str] = []
        self.failure: StartFailed | None = None

    def revive(self, name: str) -> None:
        """Note the name."""
        self.revived.append(name)
        if self.failure:
            raise self.failure


@pytest.fixture
def watch(tmp_path: Path) -> Watch:
    """A watch that has said nothing."""
    return Watch(Stack(tmp_path), Terminal(width=400))  # type: ignore[arg-type]  # as much of a stack as it needs


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines printed since the last time, without their times."""
    return [line[10:] for line in capsys.readouterr().out.splitlines()]


def record(**changes: Any) -> IncidentRecord:
    """Return an open incident."""
    return replace(
        IncidentRecord("inc-1", "shop", "open", NOW, NOW, {"alert_name": "Slow\x1b[2J", "status": "firing"}), **changes
    )


def test_alert_and_outcome_are_a_line_each_and_said_once(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the page that shows them; what an alert wrote moves no cursor."""
    store = traces.connect()
    store.open_incident(record())
    watch.look_at_incidents(store)
    watch.look_at_incidents(store)
    first = printed(capsys)
    outcome = {
        "kind": "full",
        "severity": "high",
        "duration_ms": 4100,
        "subject": "[high] shop",
        "archived_path": "/b.html",
    }
    store.close_incident("inc-1", {**outcome, "archived_path": "/b.html"})
    watch.look_at_incidents(store)
    watch.look_at_incidents(store)

    assert first == ["alert    shop: Slow⟨U+001B⟩[2J, inc-1", f"incident is investigated, live at {PAGE}/inc-1"]
    assert printed(capsys) == [f"outcome  full, high after 4.1 s: [high] shop  {PAGE}/inc-1", "brief    /b.html"]


def test_what_is_held_or_merged_is_said(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that was accepted stays without a line."""
    store = traces.connect()
    store.open_incident(record(incident_id="inc-1"))
    store.open_incident(record(incident_id="inc-2"))
    store.hold_incident("inc-1", Hold(reason="maintenance", until=NOW, since=NOW, name="shop, muted by Ada"))
    store.close_incident("inc-2", {"kind": "merged", "merged_into": "inc-1"})
    watch.look_at_incidents(store)

    lines = printed(capsys)
    assert "held     inc-1 waits: maintenance (shop, muted by Ada)" in lines
    assert "outcome  inc-2 belongs to inc-1" in lines


def test_process_that_died_is_said_and_started_again(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """One that dies at once is started again only after a pause, so that the screen stays readable."""
    assert watch.look_at_processes() == ["rca"]
    assert watch.look_at_processes() == []

    (line,) = printed(capsys)
    assert line.startswith("died     rca ended with 1; it runs again as pid ")
    assert watch.stack.revived == ["rca"]  # type: ignore[attr-defined]


def test_process_that_does_not_come_back_is_said(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """With the reason, and the watch goes on."""
    watch.stack.failure = StartFailed("rca did not listen")  # type: ignore[attr-defined]

    watch.look_at_processes()

    assert printed(capsys) == ["died     rca ended with 1, and did not come back: rca did not listen"]


def test_store_that_cannot_be_read_is_said_once(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    """Until it can be read again."""

    class Broken:
        def incident_page(self, *_: object) -> None:
            raise Unavailable("The file is gone")

    broken: TraceStore = Broken()  # type: ignore[assignment]  # as much of a store as the watch needs
    watch.look_at_incidents(broken)
    watch.look_at_incidents(broken)

    assert printed(capsys) == ["store    the traces cannot be read: The file is gone"]
