"""The steps of one execution as lines on a common time scale: which ran in parallel, which were retried."""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

SIGNS = {
    "STATE_SUCCEEDED": ("✓", "green"),
    "STATE_FAILED": ("✗", "red"),
    "STATE_IN_PROGRESS": ("▶", "cyan"),
    "STATE_CANCELLED": ("■", "yellow"),
}
NOTE_WIDTH = 100
_MIN_BAR, _MAX_BAR = 20, 60
# Sign, start, seconds and the space around five columns.
_OTHER_COLUMNS = 1 + 7 + 7 + 10
# Steps that only compute take no time worth a line; they are shown when they fail and with --all.
_INSTANT = frozenset({"STEP_ASSIGN", "STEP_SWITCH", "STEP_RETURN", "STEP_RAISE", "STEP_GOTO"})


@dataclass(frozen=True)
class StepSpan:
    """One run of one step, as the executions API returns it; `ended` is None while it runs."""

    id: int
    parent: int
    routine: str
    step: str
    kind: str
    state: str
    began: datetime
    ended: datetime | None
    error: str = ""


@dataclass(frozen=True)
class TimelineRow:
    """One line of the timeline; times are seconds since the execution started."""

    label: str
    depth: int
    state: str
    start_s: float
    end_s: float
    error: str = ""


def entry(raw: dict[str, Any]) -> StepSpan:
    """Return a StepEntry resource as a StepSpan."""
    running = raw["state"] == "STATE_IN_PROGRESS"
    return StepSpan(
        int(raw["entryId"]),
        int(raw["navigationInfo"].get("parent", 0)),
        raw["routine"],
        raw["step"],
        raw["stepType"],
        raw["state"],
        datetime.fromisoformat(raw["createTime"]),
        None if running else datetime.fromisoformat(raw["updateTime"]),
        _words(raw.get("exception", {}).get("payload", "")),
    )


def _words(payload: str) -> str:
    """Return a raised value for people: its message and the body of the failed reply, or the value itself."""
    try:
        raised = json.loads(payload)
    except ValueError:
        return payload
    if not isinstance(raised, dict) or "message" not in raised:
        return payload
    body = raised.get("body")
    detail = body.get("message", body) if isinstance(body, dict) else body
    return f"{raised['message']}: {detail}" if detail else str(raised["message"])


def lines(entries: list[StepSpan], began: datetime, now: datetime, *, has_all: bool = False) -> list[TimelineRow]:
    """
    Return the lines of a timeline, children below and deeper than their parents.

    Unless `has_all`, steps that only compute are left out, and a step shares its line with its only child.
    """
    return list(_Tree(entries, began, now, has_all).lines(0, 0))


class _Tree:
    """The entries, grouped by parent."""

    def __init__(self, entries: list[StepSpan], began: datetime, now: datetime, has_all: bool) -> None:
        self._began = began
        self._now = now
        self._has_all = has_all
        self._children: dict[int, list[StepSpan]] = defaultdict(list)
        self._tries = {item.id for item in entries if item.kind == "STEP_TRY_RETRY_EXCEPT"}
        for item in entries:
            self._children[item.parent].append(item)

    def lines(self, parent: int, depth: int) -> Iterator[TimelineRow]:
        """Yield the lines below one entry; parent 0 yields all."""
        counts: dict[str, int] = defaultdict(int)
        for item in self._visible(parent):
            counts[item.step] += 1
            chain = [item] if self._has_all else self._chain(item)
            repeated = f" ({'attempt' if parent in self._tries else 'round'} {counts[item.step]})"
            yield self._line(chain, depth, repeated if counts[item.step] > 1 else "")
            yield from self.lines(chain[-1].id, depth + 1)

    def _visible(self, parent: int) -> list[StepSpan]:
        """Return the entries to show below a parent; an entry that is left out is replaced by its children."""
        visible: list[StepSpan] = []
        for item in self._children[parent]:
            is_left_out = not self._has_all and item.kind in _INSTANT and not self._fails_first(item)
            visible += self._visible(item.id) if is_left_out else [item]
        return visible

    def _fails_first(self, item: StepSpan) -> bool:
        """Return whether the error arose here, not in a child."""
        return bool(item.error) and not any(child.error == item.error for child in self._children[item.id])

    def _chain(self, item: StepSpan) -> list[StepSpan]:
        """Return the entry and its chain of only children, outermost first."""
        chain = [item]
        while len(below := self._visible(chain[-1].id)) == 1:
            chain.append(below[0])
        return chain

    def _line(self, chain: list[StepSpan], depth: int, repeated: str) -> TimelineRow:
        first, last = chain[0], chain[-1]
        inner = [item.step for before, item in itertools.pairwise(chain) if item.step != before.step]
        label = " > ".join([first.step + repeated, *inner])
        end = first.ended or self._now
        error = last.error if self._fails_first(last) else ""
        # An error that an outer step caught is still an error here.
        state = last.state if error else first.state
        return TimelineRow(label, depth, state, self._seconds(first.began), self._seconds(end), error)

    def _seconds(self, moment: datetime) -> float:
        return (moment - self._began).total_seconds()


def table(drawn: list[TimelineRow], width: int) -> Table:
    """Return the lines as a table for a terminal of `width` columns."""
    total_s = max((line.end_s for line in drawn), default=0.0)
    label_width = max((len(line.label) + 2 * line.depth for line in drawn), default=0)
    bar_width = max(_MIN_BAR, min(_MAX_BAR, width - label_width - _OTHER_COLUMNS))
    grid = Table(box=None, padding=(0, 1), header_style="dim")
    grid.add_column("", width=1)
    grid.add_column("step", no_wrap=True, overflow="ellipsis", width=max(4, width - bar_width - _OTHER_COLUMNS))
    grid.add_column("start", justify="right", width=7)
    grid.add_column("seconds", justify="right", width=7)
    grid.add_column(f"0{f'{total_s:.2f} s':─>{bar_width - 1}}", no_wrap=True, width=bar_width)
    for line in drawn:
        sign, style = SIGNS.get(line.state, ("?", "dim"))
        start, length = f"{line.start_s:.2f}", f"{line.end_s - line.start_s:.2f}"
        # Text, not markup: names and errors may hold brackets.
        bar = Text(_bar(line, total_s, bar_width), style=style)
        grid.add_row(Text(sign, style=style), Text("  " * line.depth + line.label), start, length, bar)
    return grid


def _bar(line: TimelineRow, total_s: float, width: int) -> str:
    scale = width / total_s if total_s else 0.0
    start = min(int(line.start_s * scale), width - 1)
    length = max(1, round((line.end_s - line.start_s) * scale))
    return " " * start + "█" * min(length, width - start)


def short(text: str) -> str:
    """Return the text on one line, at most NOTE_WIDTH characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= NOTE_WIDTH else flat[: NOTE_WIDTH - 1] + "…"
