"""
Measure what redaction finds and what it leaves alone: by itself, through the functions, through the whole product.

Every seed draws fresh values. Rules were chosen on the first half of the kinds; the other half and the later sets say
how far they carry, at their first measuring above all, which infra/SECURITY.md keeps. The baseline of the same run
searches for names and ten formats in the text as it is.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from functions.alert_intake.alert_subject import SERVICE_LABELS
from functions.alert_intake.parse_alerts import Rules, read
from functions.incident_detection.fetch_telemetry import without_secrets
from shared.contracts import Evidence
from shared.redaction import redact_lines
from shared.step.redacted import redacted
from shared.telemetry.port import LogLine, LogPage
from tests.builders import NOW, an_incident
from tests.hostile.secrets import corpus, encodings, other_scanners, product
from tests.hostile.secrets.values import Line

MIN_RECALL, MAX_FALSE = 0.97, 0.02
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
    empty: tuple[str, ...] = ()
    """Places that were to be measured and that no line came to."""

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
        return self.recall >= MIN_RECALL and self.false <= MAX_FALSE and not self.empty

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


def through_product(seed: int, runs: int | None = None) -> tuple[Row, list[str]]:
    """
    Return which secrets stand in anything that left the product, and which look-alikes were masked in it.

    With it comes a line of text for each exit: how many of the lines with secrets got there.
    """
    secrets, lookalikes = _everything(seed)
    theirs, alike = product.measured(secrets, runs), product.measured(lookalikes, runs)
    got_out = (theirs.reached + alike.reached) / (theirs.lines + alike.lines)
    name = f"product: every exit ({got_out:.0%} of the lines got to one)"
    return Row(name, theirs.secrets, theirs.leaked, alike.lines, alike.masked, tuple(theirs.empty)), [*theirs.exits()]


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
    whole, exits = through_product(seed)
    measured = [*alone(seed), *through_functions(seed), whole]
    layers = encoded(seed)
    _say(f"\n{'secrets, seed ' + str(seed):<56} {'lines':>6} {'recall':>7} {'alike':>6} {'changed':>7}")
    for text in [*map(str, measured), *exits, *map(str, baseline(seed))]:
        _say(text)
    held = [row for row in layers if not row.leaked]
    _say(f"encodings: {len(held)} of {len(layers)} redacted")
    for row in [*measured, *layers]:
        if row.leaked or row.changed:
            _say(f"  {row.name}: leaked {sorted(set(row.leaked))}, changed {sorted(set(row.changed))}"[:1000])
        if row.empty:
            _say(f"  {row.name}: nothing came to {', '.join(row.empty)}")
    return all(row.is_good for row in measured) and len(held) == len(layers)


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
