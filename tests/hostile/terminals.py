"""Attacks on the terminal of who lists and reads traces: stored text is shown, and moves, colours and hides nothing."""

import io
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from infra.local.cli import serve
from infra.local.terminal import Terminal
from infra.operate import incidents
from tests.hostile.world import TRACE, World, world

TEXTS: Mapping[str, str] = {
    "markup that closes nothing": "x[/nope]y",
    "markup of a colour": "[bold red]owned[/]",
    "markup of a link": "[link=https://evil.example]here[/link]",
    "a colour": "\x1b[31mowned\x1b[0m",
    "a cleared screen": "\x1b[2J\x1b[H",
    "a title": "\x1b]0;owned\x07",
    "a link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "what is typed": "\x1b[21t",
    "a control of eight bits": "\x9b31mowned",
    "a line that is written over": "all is well\rowned",
    "a line that is taken back": "owned\b\b\b\b\bfine!",
    "a bell": "\x07\x07",
    "reordered text": "\u202egpj.exe",
    "hidden text": "o\u200bw\u2060ned",
    "a line end of Unicode": "x\u2028owned",
}
KIND = "stored text acts in a terminal"


def _in_the_service(target: World, text: str) -> None:
    target.alert = target.alert.replace(service_name=f"shop{text}")
    target.log(f"ERROR basket failed\n{TRACE}")


def _in_the_alert(target: World, text: str) -> None:
    target.alert = target.alert.replace(alert_name=text, summary=text)
    target.log(f"ERROR basket failed\n{TRACE}")


def _in_a_line(target: World, text: str) -> None:
    target.log(f"ERROR basket failed: {text}\n{TRACE}")


PLACES = {"a service's name": _in_the_service, "an alert": _in_the_alert, "a log line": _in_a_line}


def tries() -> Iterator[tuple[str, str]]:
    """Yield place and name of each try."""
    yield from ((place, name) for place in PLACES for name in TEXTS)


def play(place: str, name: str, folder: Path, patch: pytest.MonkeyPatch) -> str:
    """Play one incident and print its traces; return what would act, if anything."""
    current = folder / "current"
    patch.setattr(serve, "CURRENT", current)
    path = current / "traces" / "traces.sqlite3"
    path.parent.mkdir(parents=True)
    with world(folder, patch, settings={"TRACES_PATH": str(path)}) as target:
        PLACES[place](target, TEXTS[name])
        target.run()
    printed = io.StringIO()
    console = Terminal(file=printed, width=100_000)
    with serve.traces_of_running_stack() as store:
        incident_id = target.alert.incident_id
        statuses = [
            incidents.show_list(store, console),
            incidents.show_incident(store, incident_id, None, console),
            incidents.show_trace(store, incident_id, console),
        ]
    if any(statuses):
        return "no trace is printed"
    return _acting(printed.getvalue(), TEXTS[name] if place == "a service's name" else "")


def _acting(printed: str, whole: str) -> str:
    marks = [char for char in printed if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")]
    if marks:
        return f"it writes {marks[0]!r}"
    return f"{whole!r} is not shown" if whole.isprintable() and whole not in printed else ""
