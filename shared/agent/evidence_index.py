"""Everything that a model was shown, indexed: which names, quotations, times and numbers stand in it."""

import errno
import os
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import permutations
from typing import Any

from shared.agent.figures import Figure, Kind, figures
from shared.agent.words import stem
from shared.text.plain_text import as_rendered, inert

_CLOCK = re.compile(r"(?<![\d:.])(\d{1,2}):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_DAY = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_NAMED_DAY = re.compile(
    rf"(?i)(?<![\w.])(\d{{1,2}}) ({'|'.join(_MONTHS)})[a-z]*\b|\b({'|'.join(_MONTHS)})[a-z]* (\d{{1,2}})(?![\w.])"
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMED_MOMENT = re.compile(rf"(?i)\b({'|'.join(_WEEKDAYS)}|yesterday|tomorrow|noon|midnight|o['\u2019]clock)\b")
"""Moments in words: each stands in the evidence as such, or is the weekday of one of its days."""
_PLACES = frozenset(("line", "line_start", "line_end"))
_FROM = frozenset(("start", "end", "onset", "started_at"))
"""The moments from which a reader counts."""
_TO = _FROM | {"at", "first_seen", "last_seen", "peak_error_time"}
_BELIEFS = frozenset(("score", "confidence"))
"""Numbers of what code takes for likely: no share of requests or of anything else that was counted."""
_BELIEF_WORDS = frozenset(
    stem(word) for word in ("confidence", "likely", "likelihood", "probability", "score", "suspect", "culprit", "sure")
)
_STATUS_WORDS = frozenset(stem(word) for word in ("errors", "responses", "answers", "statuses", "codes"))
_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_LINE_WORDS = frozenset(stem(word) for word in ("errors", "failures", "warnings", "lines", "others"))
"""What a sum over lines of the log counts: it says nothing of pods."""
_COMPOSED = re.compile(r"[/.:#\\]+")


class EvidenceIndex:
    """
    Finds in JSON facts and texts what a claim names.

    Numbers that code gives as numbers (counts, lengths of lists, measured values, spans between moments) stand apart
    from those that only stand in a text: these count as what they are there, with their unit and their noun.
    """

    def __init__(self, facts: Sequence[Any], read: Iterable[str]) -> None:
        self._counts: set[float] = set()
        self._sums: set[float] = set()
        self._measures: set[float] = set()
        self._beliefs: set[float] = set()
        self._places: set[float] = set()
        self._ratios: set[float] = set()
        self._from: set[datetime] = set()
        self._to: set[datetime] = set()
        texts = [as_rendered(text) for fact in facts for text in self._texts("", fact)]
        self.text = "\n".join([*texts, *map(as_rendered, read)])
        self._folded = inert(self.text).lower()
        self._spans = {abs((a - b).total_seconds()) for a in self._from for b in self._to}
        self._figures = figures(self.text)
        self._clocks = {clock for match in _CLOCK.finditer(self.text) for clock in _clocks(match)}
        self._weekdays = set(_weekdays(self.text))
        self._days = {(int(month), int(day)) for _, month, day in _DAY.findall(self.text)} | set(_named(self.text))

    def has(self, words: str) -> bool:
        """Return whether the words stand in it as prose would repeat them, in whatever case."""
        return " ".join(words.lower().split()) in self._folded

    def has_name(self, name: str) -> bool:
        """Return whether a name stands in it as a whole, or with other marks between its parts."""
        lower = name.lower()
        if any(self._has_word(each) for each in (lower, lower.removesuffix("s"), lower.removeprefix("v"))):
            return True
        if self._has_apart(name) or self._has_system_error(name):
            return True
        if re.fullmatch(r"[0-9a-f]{7,}", lower) and re.search(rf"(?<![0-9a-z]){lower}", self._folded):
            return True  # the start of a commit's id
        if "-" in lower or "_" in lower:
            return self._has_word(re.sub(r"[-_]", " ", lower)) or self._has_word(lower.replace("-", "_"))
        parts = [part for part in _COMPOSED.split(name) if part]
        is_composed = len(parts) > 1 and "@" not in lower and not all(part.isdigit() for part in parts)
        return is_composed and all(self._has_part(part) for part in parts)

    def unknown_moment(self, sentence: str) -> str | None:
        """Return a time or day of the sentence that does not stand in it, or None."""
        for match in _CLOCK.finditer(sentence):
            if max(_clocks(match), key=len) not in self._clocks:
                return match[0]
        for match in _NAMED_MOMENT.finditer(sentence):
            if not self._has_moment(match[1]):
                return match[1]
        days = [(int(month), int(day)) for _, month, day in _DAY.findall(sentence)]
        unknown = [day for day in (*days, *_named(sentence)) if day not in self._days]
        return f"{unknown[0][1]} {_MONTHS[unknown[0][0] - 1].capitalize()}" if unknown else None

    def _has_moment(self, word: str) -> bool:
        return word.lower() in self._weekdays or self._has_word(word.lower())

    def unknown_figure(self, sentence: str) -> Figure | None:
        """Return a number of the sentence that is neither in it nor follows from two others of the sentence."""
        stated = figures(sentence)
        present = [figure for figure in stated if self._has_figure(figure) or self._has_version(sentence, figure)]
        return next((one for one in stated if one not in present and not _follows(one, present)), None)

    def _has_system_error(self, name: str) -> bool:
        """Return whether the text of an error of the operating system stands in it: `ENOENT`, no such file."""
        number = getattr(errno, name, None)
        return isinstance(number, int) and self.has(os.strerror(number))

    def _has_version(self, sentence: str, figure: Figure) -> bool:
        """Return whether a number is the version, or its start, of what the word before it names: `Python 3.8`."""
        named = re.search(rf"(\w+) {re.escape(figure.text)}(?!\w)", sentence)
        if named is None or "." not in figure.text or figure.kind != "count" or figure.counted:
            return False
        # Joined to its name: a number with a space before it is one of many things.
        joined = rf"(?<![^\W_]){re.escape(named[1].lower())}(?:-[a-z]+)*[-/_]?{re.escape(figure.text)}(?!\d)"
        return re.search(joined, self._folded) is not None

    def _has_word(self, word: str) -> bool:
        return bool(word) and re.search(rf"(?<![^\W_]){re.escape(word)}(?![^\W_])", self._folded) is not None

    def _has_part(self, part: str) -> bool:
        if part.isdigit():
            return float(part) in self._places or any(one.value == float(part) for one in self._figures)
        return self._has_word(part.lower()) or self._has_apart(part)

    def _has_apart(self, name: str) -> bool:
        """Return whether a class stands in it as its file is called: `OrdersController` in `orders_controller.rb`."""
        apart, changes = _CASE.subn("_", name)
        return changes > 0 and re.search(rf"(?<!\w){re.escape(apart.lower())}(?!\w)", self._folded) is not None

    def _has_figure(self, figure: Figure) -> bool:
        if figure.kind == "count":
            return self._has_count(figure)
        in_texts = (value for one in self._figures for value in _measured(one, figure))
        is_belief = figure.kind == "percent" and not _BELIEF_WORDS.isdisjoint(figure.words)
        believed = (100 * value for value in self._beliefs) if is_belief else ()
        return any(_matches(figure, value) for value in (*self._by_code(figure.kind), *believed, *in_texts))

    def _by_code(self, kind: Kind) -> set[float]:
        """Return the numbers that code gives as numbers and that may measure this."""
        match kind:
            case "place":
                return self._places
            case "seconds":
                return self._measures | self._spans
            case "percent":
                return {100 * value for value in self._measures if abs(value) <= 1}
            case "ratio":
                return self._measures | self._ratios
            case "rate":
                return self._measures | self._counts
            case "bytes":
                return self._measures
        return set()

    def _has_count(self, figure: Figure) -> bool:
        by_code = self._counts if figure.value.is_integer() else self._counts | self._measures
        sums = self._sums if not figure.counted or figure.counted in _LINE_WORDS else ()
        if any(_matches(figure, value) for value in (*by_code, *sums)):
            return True
        if "percentil" in figure.words:
            return self._has_word(f"p{figure.value:g}")
        in_texts = [one for one in self._figures if one.kind in ("count", "rate") and _matches(figure, one.value)]
        is_status = 400 <= figure.value < 600 and figure.counted in _STATUS_WORDS
        if not figure.counted or is_status:
            return bool(in_texts)
        return any(figure.words & one.words for one in in_texts)

    def _texts(self, name: str, value: Any) -> Iterable[str]:
        """Yield every text below a value, names of fields too, and note what is a number or a moment."""
        if isinstance(value, dict):
            self._note_pairs(value)
            for key, item in value.items():
                yield str(key)
                yield from self._texts(str(key), item)
        elif isinstance(value, list):
            self._counts.add(len(value))
            numbers = [item for item in value if isinstance(item, int | float)]
            # A series counts by its largest, its last and its sum: else every small number would stand in it.
            self._counts |= {max(numbers), numbers[-1], sum(numbers)} if numbers else set()
            for item in value if not numbers else ():
                yield from self._texts(name, item)
        elif isinstance(value, str):
            self._note_moment(name, value)
            yield value
        elif not isinstance(value, bool) and value is not None:
            self._note(name, value)

    def _note_pairs(self, fields: dict[str, Any]) -> None:
        """Note what follows from two numbers of one thing: how often since the onset, how many times as much."""
        if fields.get("baseline") and "value" in fields:
            self._ratios.add(abs(fields["value"] / fields["baseline"]))
        if "count" in fields and "count_before_onset" in fields:
            self._counts.add(fields["count"] - fields["count_before_onset"])
        if "error_summary" in fields:
            for level in ("error", "warning"):
                of_level = [each for each in fields.get("patterns", ()) if each.get("level") == level]
                self._note_level(of_level, fields["error_summary"].get(f"total_{level}s"))

    def _note_level(self, patterns: list[dict[str, Any]], total: int | None) -> None:
        """Note how many lines of a level came before the onset, how many since, and how many are of another pattern."""
        # A prompt may hold only some of the patterns: without the others nothing follows.
        if total is None or sum(each["count"] for each in patterns) != total:
            return
        before = sum(each["count_before_onset"] for each in patterns)
        self._sums |= {before, total - before, *(total - each["count"] for each in patterns)}

    def _note(self, name: str, value: float) -> None:
        if name in _PLACES:
            self._places.add(value)
        elif name in _BELIEFS:
            self._beliefs.add(value)
        elif isinstance(value, int):
            self._counts.add(value)
        else:
            self._measures.add(value)

    def _note_moment(self, name: str, value: str) -> None:
        if name in _TO:
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                return
            self._to.add(moment)
            if name in _FROM:
                self._from.add(moment)


def _measured(stated: Figure, figure: Figure) -> tuple[float, ...]:
    """Return what a number of the evidence is in the unit of a figure; programs log sizes and times without a unit."""
    if stated.kind == figure.kind:
        return (stated.value,)
    if stated.kind != "count" or not stated.words & figure.words:
        return ()
    match figure.kind:
        case "seconds":
            return stated.value, stated.value / 1000
        case "bytes":
            return (stated.value,)
    return ()


def _clocks(match: re.Match[str]) -> set[str]:
    """Return a time of day to the minute and, where it has one, to the second."""
    minute = f"{int(match[1]):02}:{match[2]}"
    return {minute, f"{minute}:{match[3]}"} if match[3] else {minute}


def _weekdays(text: str) -> Iterable[str]:
    """Yield the weekdays of the days in a text."""
    for year, month, day in set(_DAY.findall(text)):
        try:
            yield _WEEKDAYS[date(int(year), int(month), int(day)).weekday()]
        except ValueError:
            continue


def _named(text: str) -> list[tuple[int, int]]:
    return [
        (_MONTHS.index((month or month_first).lower()) + 1, int(day or day_last))
        for day, month, month_first, day_last in _NAMED_DAY.findall(text)
    ]


def _matches(figure: Figure, value: float) -> bool:
    """Return whether a number as written is this one, rounded or cut in the last place that was written."""
    # "Hundreds" is no rounded number: it is at least so many.
    low = figure.value - (figure.step / 2 if figure.step <= figure.value else 0)
    high = figure.value + figure.step
    return abs(figure.value - value) <= 1e-9 * abs(value) or low <= value < high


def _follows(figure: Figure, present: Sequence[Figure]) -> bool:
    """Return whether a number is the share, the difference or the multiple of two that stand in the evidence."""
    for one, other in permutations(present, 2):
        if one.kind != other.kind:
            continue
        if figure.kind == one.kind and _matches(figure, one.value - other.value):
            return True
        if other.value and figure.kind == "ratio" and _matches(figure, one.value / other.value):
            return True
        if other.value and figure.kind == "percent" and _matches(figure, 100 * one.value / other.value):
            return True
    return False
