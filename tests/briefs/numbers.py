"""The rules by which each number of a brief must follow from the inputs; the first that applies decides."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.briefs.facts import CONFIDENCES, Facts

LENGTHS = {"s": 1, "min": 60, "h": 3600, "days": 86400}
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?:e[+-]?\d+)?")
_CLOCK = re.compile(r"\d\d:\d\d:\d\d")


@dataclass(frozen=True)
class Stated:
    """One number of a brief, in its line."""

    facts: Facts
    line: str
    section: str
    tokens: list[str]
    place: int
    is_measured: bool
    """Whether the line is about a metric."""

    @property
    def text(self) -> str:
        """The number as it is written."""
        return self.tokens[self.place]

    @property
    def number(self) -> float:
        """Its value."""
        return float(self.text.replace(",", ""))

    @property
    def before(self) -> list[str]:
        """The three tokens before it, in lower case."""
        return [token.lower() for token in self.tokens[max(self.place - 3, 0) : self.place]]

    @property
    def after(self) -> list[str]:
        """The three tokens after it, and empty ones at the end of the line."""
        return [*self.tokens[self.place + 1 : self.place + 4], "", "", ""][:3]


def is_number(token: str) -> bool:
    """Return whether a token is a number and no name or time."""
    return _NUMBER.fullmatch(token) is not None


def follows(stated: Stated) -> bool:
    """Return whether a number follows from the inputs."""
    return next((answer for rule in _RULES if (answer := rule(stated)) is not None), False)


def _ordinal(stated: Stated) -> bool | None:
    """The number of an action begins its line."""
    return stated.section in ("DO NOW", "THEN") if stated.place == 0 and stated.after[0] == "." else None


def _share(stated: Stated) -> bool | None:
    """A percentage: how certain code is, the score of the commit, the share of errors, or a ratio of the metrics."""
    if stated.after[0] != "%":
        return None
    if "Confidence" in stated.tokens:
        return stated.number / 100 in CONFIDENCES
    code, lines = stated.facts.brief.played.code, stated.facts.lines
    if "commit" in stated.line.lower():
        return any(round(100 * one.score) == stated.number for one in (code.suspect_commits if code else []))
    is_of_lines = round(100 * stated.facts.of_level("error") / (len(lines) or 1)) == stated.number
    return is_of_lines or any(_agrees(stated.number, 100 * value) for value in stated.facts.measures)


def _time_before(stated: Stated) -> bool | None:
    """`none in the 10 min before`: from the start of the window to the time in the same line."""
    if stated.after[0] not in LENGTHS or stated.before != ["none", "in", "the"]:
        return None
    clock, start = re.search(r"since (\d\d):(\d\d):(\d\d)", stated.line), stated.facts.start
    if clock is None:
        return False
    since = start.replace(hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3])) - start
    unit = LENGTHS[stated.after[0]]
    return 0 <= since.total_seconds() - stated.number * unit <= unit


def _place_in_code(stated: Stated) -> bool | None:
    return is_place(stated.facts, int(stated.number)) if stated.before[-1:] == ["line"] else None


def _deviations(stated: Stated) -> bool | None:
    """How far a series left its range is what detection measured: only that it says so is checked."""
    if stated.after[0] != "deviations":
        return None
    anomalies = stated.facts.brief.played.incident.error_summary.metric_anomalies
    return any(f" {stated.text} deviations" in one.description for one in anomalies)


def _use(stated: Stated) -> bool | None:
    """How many of a pool are active or wait: the most that any line states."""
    use = re.search(r"(\d+) of (\d+) active(?:, up to (\d+) waiting)?|a limit of (\d+)", stated.line)
    if use is None or stated.text not in use.groups():
        return None
    texts = [line.text for line in stated.facts.lines]
    limits = [int(one) + int(more) for text in texts for one, more in re.findall(r"size (\d+) overflow (\d+)", text)]
    if use[4] == stated.text:
        return stated.number in limits
    words = r"waiting=(\d+)" if stated.before[-2:] == ["up", "to"] else r"active=(\d+)"
    return stated.number == max((int(one) for text in texts for one in re.findall(words, text)), default=-1)


def _followed(stated: Stated) -> bool | None:
    """Of the failing requests as many are followed as detection says, and no more than there are."""
    own = stated.facts.brief.played.incident.own_part
    if "requests that were followed" not in stated.line or own is None:
        return None
    return stated.number == own.requests and any(stated.number <= count for count in stated.facts.counts)


def _since(stated: Stated) -> bool | None:
    """`9 times since 02:47:02`, `is new: 9 since 02:47:02`: the lines of one shape from then on."""
    after = [token for token in stated.after if token != "times"]
    if after[0] != "since" or not _CLOCK.fullmatch(after[1]):
        return None
    return stated.number in stated.facts.counts_since(after[1]) or stated.number in stated.facts.counts_of_traces()


def _in_all(stated: Stated) -> bool | None:
    """How many errors, warnings and lines there are in all."""
    if stated.after == ["log", "lines", "read"]:
        return stated.number == len(stated.facts.lines)
    levels = {("error", "lines"): "error", ("warnings", "from"): "warning"}
    level = levels.get((stated.after[0], stated.after[1]))
    return stated.number == stated.facts.of_level(level) if level else None


def _drawn(stated: Stated) -> bool | None:
    """The most errors of a part of the window, before the onset and from it on."""
    onset = re.search(r"before the onset at (\d\d:\d\d:\d\d)", stated.line)
    if onset is None or not stated.line.strip().startswith("Error lines per") or stated.before[-1:] == ["per"]:
        return None
    return stated.number in stated.facts.errors_around(onset[1])


def _measured(stated: Stated) -> bool | None:
    """A value that the metrics store answered, or lines a minute."""
    factor = 1000 if stated.after[0] == "ms" else 1
    if stated.is_measured and any(_agrees(stated.number, factor * value) for value in stated.facts.measures):
        return True
    rates = [*stated.facts.rates, *(count for row in stated.facts.drawn(20, "log_rate") for count in row)]
    is_rate = "log" in stated.line and any(abs(stated.number - rate) <= max(0.05 * rate, 0.1) for rate in rates)
    return True if is_rate else None


def _ago(stated: Stated) -> bool | None:
    """`Since 04 May 02:51 UTC, 9 min ago`: from the time in the same line to the alert, which the brief answers."""
    if stated.after[1] != "ago" or stated.after[0] not in LENGTHS:
        return None
    until = stated.facts.brief.played.alert.received_at
    clock = re.search(r"^Since \d\d \w+ (\d\d):(\d\d) UTC", stated.line)
    if clock is None:
        return False
    unit = LENGTHS[stated.after[0]]
    length_s = (until - until.replace(hour=int(clock[1]), minute=int(clock[2]), second=0)).total_seconds()
    # The seconds of the time are not written.
    return -60 < length_s - stated.number * unit <= max(unit, 60)


def _length(stated: Stated) -> bool | None:
    """The time between two moments, cut or rounded."""
    unit = LENGTHS.get(stated.after[0])
    if unit is None:
        return None
    return any(abs(length - stated.number * unit) <= unit for length in stated.facts.lengths)


def _count(stated: Stated) -> bool:
    return stated.number in stated.facts.counts


_RULES: tuple[Callable[[Stated], bool | None], ...] = (
    _ordinal, _share, _time_before, _place_in_code, _deviations, _use, _followed, _since, _in_all, _drawn, _measured,
    _ago, _length, _count,
)  # fmt: skip


def is_place(facts: Facts, line: int, path: str = "") -> bool:
    """Return whether a trace names the line, or a file of the repository has code of the trace there."""
    if path and not any(path in one for one in facts.vocabulary) and path not in facts.corpus:
        return False
    if any(f"line {line}," in one.text for one in facts.lines):
        return True
    bodies = [body.split("\n") for body in facts.brief.files.values()]
    return any(line <= len(rows) and re.search(r"def |rates", rows[line - 1]) for rows in bodies)


def _agrees(number: float, value: float) -> bool:
    """Return whether a value is written so: to three or four digits."""
    return any(float(f"{value:{form}}") == number for form in (".3g", ".4g", ".2g", ".6g", ".0f"))
