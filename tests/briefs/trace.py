"""
Traces a brief to its inputs: each line of it is made of fixed words of code, of words of the inputs, and of numbers,
times and counts that the inputs give when they are counted and measured anew.
"""

import re
from collections.abc import Iterator
from math import ceil
from typing import get_args

from shared.analysis.faults.rules import RULES
from shared.contracts import IncidentType, Severity
from tests.briefs.facts import Facts
from tests.briefs.numbers import Stated, follows, is_number, is_place
from tests.briefs.templates import pieces, tokens

BARS = " ▁▂▃▄▅▆▇█"
QUOTE = "QUOTED"
MAX_PARTS = 60
"""Of a chart; the last ones may be blank."""
_KINDS = {tuple(kind.replace("_", " ").split()) for kind in get_args(IncidentType)} | {
    (one,) for one in get_args(Severity)
}
_ROW = re.compile(r"\s*(?P<count>[\d,]+) \| (?P<level>\w+) \| (?P<template>.+) \| (?P<at>\d\d:\d\d:\d\d)")
_COUNTED = re.compile(r"\s*(?P<template>.+) \| (?P<count>[\d,]+)")
_CLOCK = re.compile(r"\d\d:\d\d(?::\d\d)?")
_NUMBERED = re.compile(r"\s*(?:►\s*)?(?P<line>\d+)  (?P<code>.*)")
_PLACE = re.compile(r"(?P<path>[\w./-]+):(?P<line>\d+)")


def untraced(facts: Facts, text: str) -> list[str]:
    """Return what of a brief's lines is in no input and no rule gives."""
    lines = text.split("\n")
    section, quoted, failures = "", "", []
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[number + 1]):
            section = line.strip()
        caption = next((one.strip() for one in lines[number + 1 : number + 3] if " UTC: " in one), "")
        if (reason := _Line(facts, line, section, quoted, caption).reason()) is not None:
            failures.append(reason)
        quoted = line.strip()[2:] if line.strip().startswith("> ") else quoted
    return failures


class _Line:
    """One line of a brief, and how it can be made."""

    def __init__(self, facts: Facts, line: str, section: str, quoted: str, caption: str) -> None:
        self.facts, self.section, self.caption = facts, section, caption
        self.line = line.replace("[:]", ":").replace("[.]", ".").replace("[@]", "@")
        self.own_clocks = facts.times_of(quoted) if line.strip().startswith(("(log line", "(stack trace")) else set()
        self.own_clocks |= facts.peak_minutes() if "most in the minute from" in line else set()
        self.series = {one.name for one in facts.brief.read.series}
        self.is_about_metrics = any(name in line for name in self.series) or "of requests fail" in line
        self.is_about_metrics |= (
            "up is 0" in line
            or "log_rate" in line
            or "(metric" in line
            or "log lines a" in line
            or not any(each.level == "error" for each in facts.lines)
        )

    def reason(self) -> str | None:
        """Return why the line cannot be made of code and inputs, or None."""
        line = self.line.rstrip()
        if not line.strip() or set(line) <= {"-"}:
            return None
        if set(line) <= set(BARS):
            is_drawn = any(line.strip() in self._bars(parts) for parts in range(len(line.strip()), MAX_PARTS + 1))
            return None if is_drawn else f"bars of other counts: {line}"
        if self.section == "CODE" and (code := _NUMBERED.fullmatch(line)):
            rows = [body.split("\n") for body in self.facts.brief.files.values()]
            holds = any(row[int(code["line"]) - 1 :][:1] == [code["code"]] for row in rows)
            return None if holds else f"no file holds {code['code']!r} at line {code['line']}"
        form = {"LOG PATTERNS": _ROW, "ERRORS": _COUNTED}.get(self.section)
        if form is not None and (row := form.fullmatch(line)):
            return self._row(row["template"], row["count"], row.groupdict().get("at", ""))
        return self._quotations() or self._faults() or self._segmented(re.sub(r"“[^”]*”", QUOTE, line))

    def _quotations(self) -> str | None:
        quotes = re.findall(r"“([^”]*)”", self.line)
        return next((f"no line holds the quotation {one!r}" for one in quotes if not self.facts.count_of(one)), None)

    def _faults(self) -> str | None:
        """Return the kind of fault that the line names and no entry does."""
        if self.section not in ("MOST LIKELY CAUSE", "WHAT IT RESTS ON", "DO NOW", "THEN"):
            return None
        named = [rule.name for rule in RULES if rule.kind != "crash" and rule.name in self.line]
        return next((f"no entry says {fault!r}" for fault in named if fault not in self.facts.faults), None)

    def _bars(self, parts: int) -> list[str]:
        """Return the bars of what the caption names in so many parts, without blanks at the ends."""
        if self.caption.startswith("Error lines per"):
            rows = [[float(count) for count in self.facts.of_parts()]]
        else:
            rows = list(self.facts.drawn(parts, self.caption.partition(", ")[0]))
        return ["".join(BARS[ceil(8 * one / (max(row) or 1))] for one in row).strip() for row in rows]

    def _row(self, template: str, count: str, at: str = "") -> str | None:
        words, _, raised = template.partition(" → ")
        counted = self.facts.count_of(words)
        if counted != int(count.replace(",", "")):
            return f"{counted} lines have the shape of {words!r}, not {count}"
        if raised and not self.facts.count_of(raised):
            return f"nothing raises {raised!r}"
        return f"no line begins at {at}" if at and at not in self.facts.clocks else None

    def _segmented(self, line: str) -> str | None:
        """Return None when the line can be cut into parts that are traced, else where the first is that cannot."""
        self.tokens = tokens(line)
        ends = {0}
        for place in range(len(self.tokens)):
            if place in ends:
                ends |= {*self._fixed(place), *self._verbatim(place), *self._computed(place)}
        if len(self.tokens) in ends:
            return None
        return f"{' '.join(self.tokens[max(ends) : max(ends) + 6])!r} in {self.line.strip()!r}"

    def _fixed(self, place: int) -> Iterator[int]:
        """Yield where a constant text of code ends that stands here whole; a line may be cut after its mark."""
        if self.tokens[place] in (QUOTE, "'"):
            yield place + 1
        here = [token.lower() for token in self.tokens[place : place + 80]]
        for piece in _pieces_by_lower().get(here[0], ()):
            if tuple(here[: len(piece)]) == piece:
                yield place + len(piece)
            elif "…" in here and tuple(here[: here.index("…")]) == piece[: here.index("…")]:
                yield place + here.index("…") + 1
        if here[:1] == ["…"]:
            yield place + 1

    def _verbatim(self, place: int) -> Iterator[int]:
        """Yield where words of the inputs end; a number among them must stand among three words."""
        words, numbers, row = 0, 0, " "
        if not is_number(self.tokens[place]) and self._is_name(self.tokens[place]):
            yield place + 1
        for end in range(place, min(place + 120, len(self.tokens))):
            token = self.tokens[end]
            if self.tokens[end + 1 : end + 2] == ["…"] and any(one.startswith(token) for one in self.facts.vocabulary):
                yield end + 2
            row += f"{token} "
            if token not in self.facts.vocabulary or row not in self.facts.corpus:
                return
            numbers += is_number(token)
            words += re.search(r"[A-Za-z]", token) is not None
            if words and (not numbers or words >= 3):
                yield end + 1

    def _is_name(self, token: str) -> bool:
        return re.search("[A-Za-z]", token) is not None and (self.facts.has_name(token) or self._is_page(token))

    def _is_page(self, token: str) -> bool:
        """Return whether it is a page of the code host, about something that the inputs name."""
        base, *parts = token.removeprefix("http://").split("/")
        named = [part for part in parts if part not in ("commit", "blob")]
        return bool(parts) and base in self.facts.brief.code_host and all(map(self.facts.has_name, named))

    def _computed(self, place: int) -> Iterator[int]:
        """Yield where a day, a time, a place in the code or a number ends that a rule gives."""
        for length in (1, 2, 3):
            if " ".join(self.tokens[place : place + length]) in self.facts.days:
                yield place + length
        if self._is_time(place) or self._is_place(place) or self._is_number(place):
            yield place + 1

    def _is_time(self, place: int) -> bool:
        clocks = self.own_clocks | self.facts.clocks | (self.facts.metric_clocks if self.is_about_metrics else set())
        return self.tokens[place] in clocks

    def _is_place(self, place: int) -> bool:
        token = self.tokens[place]
        if match := _PLACE.fullmatch(token):
            return is_place(self.facts, int(match["line"]), match["path"])
        return re.fullmatch(r"\d+-\d+", token) is not None and all(
            is_place(self.facts, int(one)) for one in token.split("-")
        )

    def _is_number(self, place: int) -> bool:
        if not is_number(self.tokens[place]) or _CLOCK.fullmatch(self.tokens[place]):
            return False
        return follows(Stated(self.facts, self.line, self.section, self.tokens, place, self.is_about_metrics))


def _pieces_by_lower() -> dict[str, list[tuple[str, ...]]]:
    if not _LOWER:
        for each in (piece for of_first in pieces().values() for piece in of_first):
            lower = tuple(token.lower() for token in each)
            _LOWER.setdefault(lower[0], []).append(lower)
        for kind in _KINDS:
            _LOWER.setdefault(kind[0], []).append(kind)
    return _LOWER


_LOWER: dict[str, list[tuple[str, ...]]] = {}
