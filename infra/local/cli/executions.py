"""`python -m infra.local executions`: the workflow executions of the running stack, and one of them step by step."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.local.cli import timeline
from infra.local.engine.language import limits
from infra.local.stack.stack import LOCATION, PROJECT
from shared import clock

TIMEOUT_S = 5.0
_PAGE = 1000
# Enough of an id to distinguish executions; `show` takes the first characters of one.
_ID_WIDTH = 8
_STYLES = {"SUCCEEDED": "green", "FAILED": "red", "ACTIVE": "cyan", "CANCELLED": "yellow"}


class EngineDown(Exception):
    """No engine answers: the local stack is not running."""


@dataclass(frozen=True)
class ExecutionRow:
    """One execution as the API returns it; `context` is the error text, `end` is None while it runs."""

    name: str
    state: str
    labels: dict[str, str]
    start: datetime
    end: datetime | None
    context: str
    peak_memory_bytes: int = 0

    @property
    def id(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]

    @property
    def duration(self) -> timedelta:
        """How long it ran, or has been running."""
        return (self.end or clock.now()) - self.start


class Engine:
    """Reads from one engine over REST; raises EngineDown when it does not answer."""

    def __init__(self, url: str, parent: str = f"projects/{PROJECT}/locations/{LOCATION}") -> None:
        self._url = url.rstrip("/")
        self._parent = parent

    def executions(self) -> list[ExecutionRow]:
        """Return the executions of every workflow, newest first."""
        workflows = self._get(f"{self._parent}/workflows")["workflows"]
        raws = [item for workflow in workflows for item in self._all(f"{workflow['name']}/executions", "executions")]
        return sorted(map(_execution, raws), key=lambda execution: execution.start, reverse=True)

    def entries(self, execution: ExecutionRow) -> list[timeline.StepSpan]:
        """Return the steps of an execution in the order they started."""
        return [timeline.entry(raw) for raw in self._all(f"{execution.name}/stepEntries", "stepEntries")]

    def _all(self, path: str, key: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        token = ""
        while True:
            page = self._get(path, pageSize=str(_PAGE), pageToken=token, view="FULL")
            items += page[key]
            token = page.get("nextPageToken", "")
            if not token:
                return items

    def _get(self, path: str, **query: str) -> dict[str, Any]:
        parameters = {name: value for name, value in query.items() if value}
        try:
            response = requests.get(f"{self._url}/v1/{path}", parameters, timeout=TIMEOUT_S)
        except requests.RequestException as error:
            raise EngineDown(f"No engine answers at {self._url}: start the stack with `make local` first.") from error
        response.raise_for_status()
        decoded: dict[str, Any] = response.json()
        return decoded


def _execution(raw: dict[str, Any]) -> ExecutionRow:
    end = raw.get("endTime")
    return ExecutionRow(
        raw["name"],
        raw["state"],
        raw.get("labels", {}),
        datetime.fromisoformat(raw["startTime"]),
        datetime.fromisoformat(end) if end else None,
        raw.get("error", {}).get("context", ""),
        int(raw.get("localPeakMemoryBytes", 0)),
    )


def engine_url(stack_file: Path) -> str:
    """Return the URL of the running stack's engine; raises EngineDown when no stack is running."""
    try:
        return str(json.loads(stack_file.read_text(encoding="utf-8"))["engine"]["url"])
    except (OSError, ValueError, KeyError) as error:
        raise EngineDown("The stack is not running: start it with `make local` and post an alert.") from error


def show_list(engine: Engine, console: Console) -> int:
    """Print a table of the executions; return the exit status."""
    rows = engine.executions()
    if not rows:
        console.print("There are no executions yet: post an alert with `make alert`.")
        return 0
    console.print(_table(rows))
    return 0


def _table(rows: list[ExecutionRow]) -> Table:
    grid = Table(box=None, padding=(0, 1), header_style="dim")
    for title in ("id", "incident", "service", "state", "started", "seconds"):
        grid.add_column(title, no_wrap=True)
    for item in rows:
        grid.add_row(
            item.id[:_ID_WIDTH],
            item.labels.get("incident_id", ""),
            item.labels.get("service_name", ""),
            Text(item.state, style=_STYLES.get(item.state, "dim")),
            f"{item.start:%H:%M:%S}Z",
            f"{item.duration.total_seconds():.2f}",
        )
        if item.context:
            grid.add_row("", Text(timeline.short(item.context.partition("\n")[0]), style="red"))
    return grid


def show_one(engine: Engine, wanted: str, console: Console, *, has_all: bool = False) -> int:
    """
    Print one execution step by step; return the exit status.

    `wanted` is its id, the first characters of it, or the id of its incident.
    """
    matching = [item for item in engine.executions() if wanted in item.labels.values() or item.id.startswith(wanted)]
    if len(matching) != 1:
        console.print(f"{len(matching) or 'No'} executions match {wanted!r}; `executions list` shows them.")
        return 1
    (execution,) = matching
    _print_head(execution, console)
    drawn = timeline.lines(engine.entries(execution), execution.start, execution.end or clock.now(), has_all=has_all)
    console.print(timeline.table(drawn, console.width))
    for line in drawn:
        if line.error:
            console.print(Text(f"\n{line.label}, at {line.start_s:.2f} s: ") + Text(line.error, style="red"))
    return 0


def _print_head(execution: ExecutionRow, console: Console) -> None:
    state = Text(execution.state, style=_STYLES.get(execution.state, "dim"))
    seconds = f" after {execution.duration.total_seconds():.2f} s, started {execution.start:%Y-%m-%d %H:%M:%S} UTC"
    console.print(Text(f"{execution.name}\n", style="bold") + state + Text(seconds))
    peak = f"  peak memory: {ceil(execution.peak_memory_bytes / 1024)} of {limits.MEMORY_BYTES // 1024} KB"
    console.print(Text(peak))
    for key, value in sorted(execution.labels.items()):
        console.print(Text(f"  {key}: {value}"))
    if execution.context:
        console.print(Text(execution.context, style="red"))
    console.print()
