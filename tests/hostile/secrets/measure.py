"""
Measure what redaction finds and what it leaves alone: by itself, through the functions, through the whole product.

Every seed draws fresh values. Rules were chosen on the first half of the kinds; the other half and the later sets say
how far they carry, at their first measuring above all, which infra/SECURITY.md keeps. The baseline of the same run
searches for names and ten formats in the text as it is.
"""

import contextlib
import re
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.alert_intake.alert_subject import SERVICE_LABELS
from functions.alert_intake.parse_alerts import Rules, read
from functions.incident_detection.fetch_telemetry import without_secrets
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn, agreeable
from shared.contracts import Evidence
from shared.redaction import redact_lines
from shared.step.redacted import redacted
from shared.telemetry.port import LogLine, LogPage
from tests.builders import NOW, an_incident
from tests.hostile.secrets import corpus, encodings, other_scanners
from tests.hostile.secrets.values import Line
from tests.hostile.world import SOURCE, TRACE, world

MIN_RECALL, MAX_FALSE = 0.97, 0.02
LINES_A_RUN = 60
"""Of one incident: so many stand in what is kept of its log."""
MIN_DISTINCT = 8
_PLAIN = re.compile(
    r"(?i)(?:password|passwd|secret|token|api_?key)[\"']?\s*[=:]\s*[\"']?(?P<named>[^\s\"',;]+)"
    r"|(?P<format>AKIA[A-Z2-7]{16}|gh[pos]_\w{30,}|glpat-[\w-]{20}|xox[abp]-[\w-]{10,}|sk_live_\w{10,}|AIza[\w-]{35}"
    r"|ya29\.[\w-]{20,}|SG\.[\w.-]{30,}|npm_\w{30,}|eyJ[\w-]+\.[\w-]+\.[\w-]+)"
)

Redact = Callable[[Sequence[str]], Sequence[str]]


@dataclass(frozen=True)
class Row:
    """One line of the table: kinds whose secret was in the output, and look-alikes that changed."""

    name: str
    secrets: int
    leaked: tuple[str, ...]
    lookalikes: int = 0
    changed: tuple[str, ...] = ()

    @property
    def recall(self) -> float:
        """The part of the secrets that was redacted."""
        return 1 - len(self.leaked) / self.secrets

    @property
    def false(self) -> float:
        """The part of the look-alikes that was changed."""
        return len(self.changed) / self.lookalikes if self.lookalikes else 0.0

    @property
    def is_good(self) -> bool:
        """Whether it keeps what is promised."""
        return self.recall >= MIN_RECALL and self.false <= MAX_FALSE

    def __str__(self) -> str:
        tail = f"{self.lookalikes:>6} {self.false:>7.1%}" if self.lookalikes else ""
        return f"{self.name:<56} {self.secrets:>6} {self.recall:>7.1%} {tail}"


def alone(seed: int) -> list[Row]:
    """Return what `redact_lines` does to each half and to the later sets."""
    return [
        _row("chosen on: first half of the kinds", redact_lines, *_half(seed, 0)),
        _row("held out: second half of the kinds", redact_lines, *_half(seed, 1)),
        _row("second set, of other frameworks and clouds", redact_lines, *_later("second", seed)),
        _row("third set, of devices, trades and rarer languages", redact_lines, *_later("third", seed)),
    ]


def encoded(seed: int) -> list[Row]:
    """Return what is left of a secret in each encoding, decoded by other code than ours."""
    rows = []
    for name in encodings.ENCODINGS:
        lines = [line for line in encodings.encoded_lines(seed) if line.kind == name]
        leaked = [name for line in lines if _is_decodable(line, "\n".join(redact_lines(line.entries)))]
        rows.append(Row(f"encoded: {name}", len(lines), tuple(leaked)))
    return rows


def through_functions(seed: int) -> list[Row]:
    """Return what the functions let through where texts enter and where answers leave."""
    secrets, lookalikes = _everything(seed)
    return [
        _row("functions: alert_intake, annotations", _taken, secrets, lookalikes),
        _row("functions: incident_detection, log lines", _page, secrets, lookalikes),
        _row("functions: any step's answer", _answered, secrets, lookalikes),
    ]


def through_product(seed: int, runs: int | None = None) -> Row:
    """Return which secrets stand in anything that left the product, and which look-alikes were masked in it."""
    secrets, lookalikes = _everything(seed)
    plays = [_play(lines) for lines in _batches(secrets)[:runs]]
    leaked = [kind for play in plays for kind in play.leaked()]
    count = sum(len(line.secrets) for play in plays for line in play.lines)
    others = [_play(lines) for lines in _batches(lookalikes)[:runs]]
    masked = [kind for play in others for kind in play.masked()]
    alike = sum(len(play.lines) for play in others)
    reached = sum(play.reached() for play in (*plays, *others)) / (sum(len(play.lines) for play in plays) + alike)
    return Row(
        f"product: every exit ({reached:.0%} of the lines got there)", count, tuple(leaked), alike, tuple(masked)
    )


def baseline(seed: int) -> list[Row]:
    """Return what simpler means find in the held-out half and in the later sets."""
    sets = {"held out": _half(seed, 1), "second set": _later("second", seed), "third set": _later("third", seed)}
    rows = [_row(f"baseline, names and ten formats: {name}", _plainly, *lines) for name, lines in sets.items()]
    for scanner in other_scanners.installed():
        for name, (secrets, lookalikes) in sets.items():
            hits, false = scanner.flagged(secrets), scanner.flagged(lookalikes)
            missed = tuple(line.kind for number, line in enumerate(secrets) if number not in hits)
            rows.append(Row(f"{scanner.name}: {name}", len(secrets), missed, len(lookalikes), ("",) * len(false)))
    return rows


def main(seed: int) -> bool:
    """Print the whole table; return whether every promise was kept."""
    measured = [*alone(seed), *through_functions(seed), through_product(seed)]
    layers = encoded(seed)
    _say(f"\n{'secrets, seed ' + str(seed):<56} {'lines':>6} {'recall':>7} {'alike':>6} {'changed':>7}")
    for row in [*measured, *baseline(seed)]:
        _say(str(row))
    whole = [row for row in layers if not row.leaked]
    _say(f"encodings: {len(whole)} of {len(layers)} redacted")
    for row in [*measured, *layers]:
        if row.leaked or row.changed:
            _say(f"  {row.name}: leaked {sorted(set(row.leaked))}, changed {sorted(set(row.changed))}"[:1000])
    return all(row.is_good for row in measured) and len(whole) == len(layers)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _half(seed: int, half: int) -> tuple[list[Line], list[Line]]:
    return corpus.secret_lines(seed, half=half), corpus.lookalike_lines(seed, half=half)


def _later(number: corpus.Later, seed: int) -> tuple[list[Line], list[Line]]:
    return corpus.later_secret_lines(number, seed), corpus.later_lookalike_lines(number, seed)


def _everything(seed: int) -> tuple[list[Line], list[Line]]:
    first = corpus.secret_lines(seed), corpus.lookalike_lines(seed)
    sets = (first, _later("second", seed), _later("third", seed))
    return [line for secrets, _ in sets for line in secrets], [line for _, alike in sets for line in alike]


def _row(name: str, work: Redact, secrets: Sequence[Line], lookalikes: Sequence[Line]) -> Row:
    leaked = []
    for line in secrets:
        output = "\n".join(work(line.entries))
        leaked += [line.kind for secret in line.secrets if corpus.is_leaked(secret, output)]
    changed = [line.kind for line in lookalikes if "[cut: " in "\n".join(work(line.entries))]
    count = sum(len(line.secrets) for line in secrets)
    return Row(name, count, tuple(leaked), len(lookalikes), tuple(changed))


def _is_decodable(line: Line, output: str) -> bool:
    layers = [*encodings.decoded(output), *encodings.decoded(output.replace("\n", ""))]
    return any(corpus.is_leaked(secret, layer) for secret in line.secrets for layer in layers)


def _plainly(entries: Sequence[str]) -> list[str]:
    return [_PLAIN.sub("[cut: secret]", entry) for entry in entries]


def _taken(entries: Sequence[str]) -> list[str]:
    """Send the lines as annotations; return what an alert says of them."""
    body = {"alerts": [{"labels": {"service": "shop"}, "annotations": {"summary": "\n".join(entries)}}]}
    (alert,) = read(body, Rules(NOW, "nonce", tuple(SERVICE_LABELS), 900, "grafana")).alerts
    return [*alert.annotations.values(), alert.summary]


def _page(entries: Sequence[str]) -> list[str]:
    lines = [LogLine(NOW, number, entry, {}) for number, entry in enumerate(entries)]
    return [line.text for line in without_secrets(LogPage(tuple(lines), "", is_complete=True)).lines]


def _answered(entries: Sequence[str]) -> list[str]:
    evidence = [Evidence(id="L1", source="logs", text="\n".join(entries), at=NOW)]
    return [piece.text for piece in redacted(an_incident(evidence=evidence)).evidence]


@dataclass(frozen=True)
class Play:
    """One incident whose log, alert and code held these lines, and everything that left the product."""

    lines: Sequence[Line]
    texts: Sequence[str]

    def leaked(self) -> list[str]:
        """Return the kinds whose secret stands somewhere, as it is or escaped."""
        rows = [row for text in self.texts for row in text.split("\n")]
        return [
            line.kind
            for number, line in enumerate(self.lines)
            for secret in line.secrets
            if any(secret in _own(row, number, secret) for row in rows)
        ]

    def masked(self) -> list[str]:
        """Return the kinds of which something was masked."""
        rows = {row for text in self.texts for row in text.split("\n") if "[cut: " in row}
        return [line.kind for number, line in enumerate(self.lines) if any(_is_of(row, number) for row in rows)]

    def reached(self) -> int:
        """Return how many of the lines stand somewhere."""
        return sum(any(_mark(number) in text for text in self.texts) for number in range(len(self.lines)))


def _batches(lines: Sequence[Line]) -> list[Sequence[Line]]:
    return [lines[start : start + LINES_A_RUN] for start in range(0, len(lines), LINES_A_RUN)]


def _mark(number: int) -> str:
    return f"[line-{chr(97 + number // 26)}{chr(97 + number % 26)}]"


def _own(row: str, number: int, secret: str) -> str:
    """Return the part of a row in which a secret would be this line's: a short one can stand anywhere by chance."""
    return row if len(secret) >= MIN_DISTINCT else row.partition(_mark(number))[2].partition("[line-")[0]


def _is_of(row: str, number: int) -> bool:
    return "[cut: " in row.partition(_mark(number))[2].partition("[line-")[0]


def _play(lines: Sequence[Line]) -> Play:
    """Play one incident; the model's requests and the whole trace store are exits too."""
    prompts: list[str] = []

    def script(request: ModelRequest) -> Turn:
        prompts.append(str(request.body))
        return agreeable(request)

    code = SOURCE.replace("RATE = 3\n", "RATE = 3\n" + "".join(f"# {line.entries[0]!r}\n" for line in lines[:4]))
    with (
        tempfile.TemporaryDirectory() as folder,
        pytest.MonkeyPatch.context() as patch,
        world(Path(folder), patch, commits=[{"shop/pricing.py": code}], script=script) as target,
    ):
        notes = {f"note_{number}": line.entries[0] for number, line in enumerate(lines[:12])}
        body = {"alerts": [{"labels": {"service": target.alert.service_name}, "annotations": notes}]}
        (alert,) = read(body, Rules(NOW, "nonce", tuple(SERVICE_LABELS), 900, "grafana")).alerts
        target.alert = target.alert.replace(annotations=alert.annotations, summary=alert.summary)
        entries = [entry for number, line in enumerate(lines) for entry in _as_errors(number, line)]
        target.log(f"ERROR basket failed\n{TRACE}", *entries, times=3)
        texts = [*target.run().texts.values(), *prompts, _stored(Path(folder) / "traces.sqlite3")]
    return Play(lines, [layer for text in texts for layer in (text, _unescaped(text))])


def _as_errors(number: int, line: Line) -> list[str]:
    first, *rest = line.entries
    return [f"ERROR call failed {_mark(number)} {first}", *rest]


def _stored(path: Path) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump())


def _unescaped(text: str) -> str:
    """Return the text as its JSON, HTML or escapes say it, so that a secret with a quote is found in it."""
    return encodings.decoded(text)[1]
