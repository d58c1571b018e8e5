"""Whole incidents whose alert, log, code and commits hold what is measured, and everything that leaves the product."""

import contextlib
import json
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flask
import pytest

from functions.alert_intake.alert_subject import SERVICE_LABELS
from functions.alert_intake.parse_alerts import Rules, read
from functions.pr_approval.main import pr_approval
from infra.local.sandboxes.gemini import faults
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn, agreeable
from shared.pull_request.signing import ApprovalSettings
from tests.builders import NOW
from tests.hostile.forged_logs import APPROVALS
from tests.hostile.secrets import encodings
from tests.hostile.secrets.values import Line
from tests.hostile.world import SOURCE, TRACE, Exits, World, world

LINES_A_RUN = 18
MODES = ("draft", "approval", "failing")
"""
Of incidents in turn: a pull request is open; one waits on its page; and the commit to revert touches a secret, while a
dependency answers with errors that quote some.
"""
EXITS = (
    "mail",
    "hook",
    "archive",
    "trace",
    "store",
    "log",
    "prompts",
    "commit",
    "pull request",
    "approval page",
)
MIN_DISTINCT = 8
ABOVE = 3
"""Lines of a file above what fails, and as many below."""


@dataclass(frozen=True)
class Play:
    """One incident that these lines were planted in, and the texts of each exit, every layer of them decoded."""

    lines: Sequence[Line]
    texts: Mapping[str, Sequence[str]]

    def leaked(self, name: str) -> list[str]:
        """Return the kinds whose secret stands at an exit, as it is or encoded."""
        texts = self.texts[name]
        return [
            line.kind
            for number, line in enumerate(self.lines)
            for secret in line.secrets
            if any(_holds(text, number, secret) for text in texts)
        ]

    def masked(self, name: str) -> list[str]:
        """Return the kinds of which something was masked at an exit."""
        rows = {row for text in self.texts[name] for row in text.split("\n") if "[cut: " in row}
        return [line.kind for number, line in enumerate(self.lines) if any(_is_of(row, number) for row in rows)]

    def reached(self, name: str) -> set[int]:
        """Return the numbers of the lines that stand at an exit."""
        return {n for n in range(len(self.lines)) if any(_mark(n) in text for text in self.texts[name])}


@dataclass(frozen=True)
class Measured:
    """What incidents let out: by exit how many lines got there, and the kinds that leaked, or of which was masked."""

    lines: int
    secrets: int
    reached: int
    at: Counter[str]
    leaked: tuple[str, ...]
    masked: tuple[str, ...]
    leaked_at: Counter[str]

    @property
    def empty(self) -> list[str]:
        """Name the exits that none of the lines came to: nothing was measured there."""
        return [name for name in EXITS if not self.at[name]]

    def exits(self) -> Iterator[str]:
        """Yield a line of text for each exit."""
        for name in EXITS:
            yield f"  exit {name:<14} {self.at[name]:>5} lines got there, of {self.leaked_at[name]} the secret"


def measured(lines: Sequence[Line], runs: int | None) -> Measured:
    """Play one incident for every few lines, or so many of these incidents."""
    batches = [lines[start : start + LINES_A_RUN] for start in range(0, len(lines), LINES_A_RUN)][:runs]
    plays = [play(batch, MODES[number % len(MODES)]) for number, batch in enumerate(batches)]
    at, leaked_at = Counter[str](), Counter[str]()
    leaked, masked = [], []
    for each in plays:
        by_exit = {name: each.leaked(name) for name in EXITS}
        at.update({name: len(each.reached(name)) for name in EXITS})
        leaked_at.update({name: len(kinds) for name, kinds in by_exit.items()})
        leaked += _most(by_exit)
        masked += _most({name: each.masked(name) for name in EXITS})
    reached = sum(len(set[int]().union(*(each.reached(name) for name in EXITS))) for each in plays)
    secrets = sum(len(line.secrets) for each in plays for line in each.lines)
    count = sum(len(each.lines) for each in plays)
    return Measured(count, secrets, reached, at, tuple(leaked), tuple(masked), leaked_at)


def play(lines: Sequence[Line], mode: str) -> Play:
    """Play one incident; the model's requests and the whole trace store are exits too."""
    prompts: list[str] = []

    def script(request: ModelRequest) -> Turn:
        prompts.append(str(request.body))
        return agreeable(request)

    settings = {"PR_MODE": "approval" if mode == "approval" else "draft", **APPROVALS}
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        world(
            Path(folder),
            patch,
            commits=_commits(lines, mode),
            message=_message(lines),
            script=script,
            settings=settings,
            metrics="failing",
        ) as target,
    ):
        _fire(target, lines)
        if mode == "failing" and target.gemini is not None:
            messages = [f"Not possible: {_marked(number, lines)}" for number in range(10, 13)]
            target.gemini.fail_next(*(faults.error(400, "INVALID_ARGUMENT", message) for message in messages))
        cause, *others = [entry for number, line in enumerate(lines) for entry in _as_errors(number, line)]
        trace = TRACE.replace("line 6", f"line {6 + ABOVE}")
        target.log(f"ERROR basket failed\n{trace} {cause}", *others, times=3)
        exits = target.run()
        texts = {
            **{name: exits.texts[name] for name in ("mail", "hook", "archive", "trace", "log")},
            "store": _stored(Path(folder) / "traces.sqlite3"),
            "prompts": "\n".join(prompts),
            "commit": _added(target, exits),
            "pull request": "\n".join(_strings(json.loads(exits.texts["pulls"]))),
            "approval page": _page(target, exits) if mode == "approval" else "",
        }
    return Play(lines, {name: encodings.decoded(text) for name, text in texts.items()})


def _commits(lines: Sequence[Line], mode: str) -> list[dict[str, str | None]]:
    """Write a file with lines above and below what fails; the last commit is to be reverted."""
    above, below = (_comments(range(first, first + ABOVE), lines) for first in (3, 3 + ABOVE))
    code = SOURCE.replace("RATE = 3\n", f"RATE = 3\n{above}") + below
    before = code.replace("len(parts)", "max(len(parts), 1)")
    return [
        {"shop/pricing.py": before},
        {"shop/pricing.py": code + (_comments([9], lines) if mode == "failing" else "")},
    ]


def _comments(numbers: Iterable[int], lines: Sequence[Line]) -> str:
    return "".join(f"# {_marked(number, lines)!r}\n" for number in numbers)


def _message(lines: Sequence[Line]) -> str:
    subject, _, more = _marked(1, lines).partition("\n")
    return f"Share again {subject}\n\n{more}\n{_marked(2, lines)}"


def _marked(number: int, lines: Sequence[Line]) -> str:
    return f"{_mark(number)} {lines[number].entries[0]}" if number < len(lines) else ""


def _fire(target: World, lines: Sequence[Line]) -> None:
    notes = {f"note_{n}": _marked(n, lines) for n in range(10, 14)}
    labels = {f"label_{n}": _marked(n, lines) for n in range(14, 18)}
    labels["service"] = target.alert.service_name
    body = {"alerts": [{"labels": labels, "annotations": notes}]}
    (alert,) = read(body, Rules(NOW, "nonce", tuple(SERVICE_LABELS), 900, "grafana")).alerts
    target.alert = target.alert.replace(labels=alert.labels, annotations=alert.annotations, summary=alert.summary)


def _as_errors(number: int, line: Line) -> list[str]:
    first, *rest = line.entries
    return [f"ERROR call failed {_mark(number)} {first}", *rest]


def _stored(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def _added(target: World, exits: Exits) -> str:
    """Return what the product wrote into the repository: messages and new lines, not what stood there before."""
    messages = [target.run_git("log", "--format=%B", f"main..{name}") for name in exits.branches]
    rows = [row for row in exits.pushed.split("\n") if row.startswith("+")]
    return "\n".join([*messages, *rows])


def _page(target: World, exits: Exits) -> str:
    """Return the page on which a person approves, as the code of the mail opens it."""
    until = exits.answers["pull_request"].approve_until
    code = ApprovalSettings.from_env().code(target.alert.incident_id, until)
    form = {"incident": target.alert.incident_id, "code": code}
    with flask.Flask(__name__).test_request_context(method="POST", data=form):
        response = flask.make_response(pr_approval(flask.request))
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data(as_text=True)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _strings(each)


def _most(by_exit: Mapping[str, Sequence[str]]) -> list[str]:
    """Return each kind as often as at the exit where it stands most often."""
    counts = Counter[str]()
    for kinds in by_exit.values():
        counts |= Counter(kinds)
    return list(counts.elements())


def _mark(number: int) -> str:
    return f"[line-{chr(97 + number // 26)}{chr(97 + number % 26)}]"


def _holds(text: str, number: int, secret: str) -> bool:
    """Return whether the line's secret stands in a text: a short one can stand anywhere by chance."""
    if len(secret) >= MIN_DISTINCT or secret not in text:
        return secret in text
    return any(secret in _part_of(row, number) for row in text.split("\n"))


def _is_of(row: str, number: int) -> bool:
    return "[cut: " in _part_of(row, number)


def _part_of(row: str, number: int) -> str:
    return row.partition(_mark(number))[2].partition("[line-")[0]
