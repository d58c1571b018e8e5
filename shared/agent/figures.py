"""Numbers in a text: their value, what they measure, and the words they stand by."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from typing import Literal, NamedTuple

from shared.agent.words import FUNCTION_WORDS, stem

Kind = Literal["count", "percent", "seconds", "bytes", "money", "ratio", "rate", "place"]
"""`place` is a number after a colon: a line of a file, a port of a host."""

_UNITS: dict[str, tuple[Kind, float]] = {
    **dict.fromkeys(("%", "percent", "pct"), ("percent", 1)),
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), ("seconds", 1e-9)),
    **dict.fromkeys(("us", "μs", "microsecond", "microseconds"), ("seconds", 1e-6)),
    **dict.fromkeys(("ms", "msec", "millis", "millisecond", "milliseconds"), ("seconds", 1e-3)),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), ("seconds", 1)),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), ("seconds", 60)),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), ("seconds", 3600)),
    **dict.fromkeys(("d", "day", "days"), ("seconds", 86_400)),
    **dict.fromkeys(("week", "weeks"), ("seconds", 604_800)),
    **dict.fromkeys(("b", "byte", "bytes"), ("bytes", 1)),
    **dict.fromkeys(("kb", "kilobytes"), ("bytes", 1e3)),
    **dict.fromkeys(("mb", "megabytes"), ("bytes", 1e6)),
    **dict.fromkeys(("gb", "gigabytes"), ("bytes", 1e9)),
    **dict.fromkeys(("tb", "terabytes"), ("bytes", 1e12)),
    **{f"{name}ib": ("bytes", 1024**power) for power, name in enumerate("kmgt", 1)},
    **dict.fromkeys(("dollar", "dollars", "euro", "euros", "usd", "eur", "cents"), ("money", 1)),
    **dict.fromkeys(("x", "\u00d7", "fold"), ("ratio", 1)),
    **dict.fromkeys(("/s", "/sec", "/min", "/h", "rps", "qps", "hz"), ("rate", 1)),
}
_SEPARATE = frozenset(_UNITS) - {"m", "d", "h", "x", "b", "us"}
"""Units that may stand apart from their number: `5 m` and `7 d` may be anything."""
_EARLIER = frozenset(("before", "earlier"))
"""A number between `in the` and these spans a time; it shares the unit: `25 in 17 minutes, none in the 40 before`."""
_SCALES = {"k": 1e3, "K": 1e3, "M": 1e6}
_UNITS_IN_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_WORDS = {
    # "One" is mostly no number.
    **{word: value for value, word in enumerate(_UNITS_IN_WORDS[1:], 2)},
    "ten": 10,
    **{word: value for value, word in enumerate(_TEENS, 11)},
    "dozen": 12,
    **{word: 10 * value for value, word in enumerate(_TENS, 2)},
    **{
        f"{tens}-{unit}": 10 * ten + one
        for ten, tens in enumerate(_TENS, 2)
        for one, unit in enumerate(_UNITS_IN_WORDS, 1)
    },
}
_MAGNITUDES = {
    "dozens": 12.0,
    **dict.fromkeys(("hundred", "hundreds"), 100.0),
    **dict.fromkeys(("thousand", "thousands"), 1e3),
    **dict.fromkeys(("million", "millions"), 1e6),
    **dict.fromkeys(("billion", "billions"), 1e9),
}
_SHARES = {"half": (50.0, 10.0), "third": (33.0, 5.0), "thirds": (66.0, 5.0), "quarter": (25.0, 5.0),
           "quarters": (75.0, 5.0)}  # fmt: skip
"""Percent and how far a share in words is rounded; only before `of`, as a third retry is no share."""
_MULTIPLES = {
    **dict.fromkeys(("doubled", "twofold"), 2.0),
    **dict.fromkeys(("tripled", "threefold"), 3.0),
    **dict.fromkeys(("quadrupled", "fourfold"), 4.0),
    "fivefold": 5.0,
    "tenfold": 10.0,
    "hundredfold": 100.0,
}
_COMPARED = frozenset(
    ["as", "more", "higher", "larger", "slower", "faster", "greater", "longer", "less", "lower", "the", "its", "over"]
)
_BETWEEN = frozenset(("to", "and", "or", "→", "->", "\u2013", "—", "-"))
_MOMENT = re.compile(
    r"(?<!\d)\d{4}-\d{2}-\d{2}(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?(?!\d)"
    r"|(?<![\d:])\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?![\d:])"
)
_SEPARATORS = re.compile(r"([\s=,;()\[\]{}\"'<>|“”]+)")
_NUMBER = re.compile(r"([$€£])?[~≈+±-]?(\d+)(\.\d+)?([eE][+-]?\d+)?([kKM](?!\w))?(?:-?([^\W\d_]+|%|\u00d7|/[a-z]+))?")
_SPAN = re.compile(r"(?=\d)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_PLACE = re.compile(r"[\w.\]/-]*[^\W\d]:(\d+)(?::\d+)?|[\d.]+:(\d+)")
_KEYED = re.compile(r"[^\W\d][\w.-]*:(\d+(?:\.\d+)?[a-zA-Z%]+)")
_PAIR = re.compile(r"\d+(?:\.\d+)?[/-]\d+(?:\.\d+)?")
_DIGIT = re.compile(r"\d")
_NUMBER_WORDS = frozenset((*_WORDS, *_MAGNITUDES, *_MULTIPLES, *_SHARES))
_LONG_WORD = re.compile(r"[^\W\d_]{3,}")
_ENDS = ".:!?…"
_SENTENCE_ENDS = (".", "!", "?")
_GROUPS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")


@dataclass(frozen=True)
class Figure:
    """
    One number; `value` is in seconds, bytes or percent where it measures these, else as written.

    `step` is the value of one in its last place, 0 where the number is exact.
    """

    text: str
    value: float
    kind: Kind
    step: float = 0
    counted: str = ""
    """Stem of the plural noun that is counted."""
    words: frozenset[str] = frozenset()
    """Stems of the words around it."""


_NO_FIGURE = Figure("0", 0, "count")


class _Piece(NamedTuple):
    """A part of a text between separators; `is_glued` says that only a space is between it and the one before."""

    text: str
    is_glued: bool = False

    @property
    def word(self) -> str:
        """It in lower case, without what ends a sentence."""
        return self.text.rstrip(_ENDS).lower()


_NONE = _Piece("")


def figures(text: str) -> list[Figure]:
    """Return the numbers of a text as rendered, in order; dates, times, versions and parts of names are none."""
    pieces = _pieces(_GROUPS.sub("", _MOMENT.sub(" ", text)))
    numbers = [
        (place, number)
        for place, piece in enumerate(pieces)
        if _may_be_number(piece.text)
        for number in _figures_at(pieces, place)
    ]
    return [_with_context(number, pieces, place) for place, number in _with_shared_units(numbers, pieces)]


def _pieces(text: str) -> list[_Piece]:
    """Return the parts of a text between separators, in order."""
    parts = _SEPARATORS.split(text)
    pairs = zip(parts[::2], map(str.isspace, ["", *parts[1::2]]), strict=True)
    return [_Piece(part, is_glued) for part, is_glued in pairs if part]


def _may_be_number(text: str) -> bool:
    """Whether a piece has a digit or is a number's word: most are neither, and need no closer look."""
    return _DIGIT.search(text) is not None or _bare(text).lower() in _NUMBER_WORDS


def _bare(text: str) -> str:
    return text.rstrip(_ENDS).lstrip(":*")


def _figures_at(pieces: list[_Piece], place: int) -> Iterator[Figure]:
    piece = _bare(pieces[place].text)
    if (in_words := _in_words(piece, pieces, place)) is not None:
        yield in_words
    elif match := _PLACE.fullmatch(piece):
        yield Figure(piece, float(match[1] or match[2]), "place")
    elif match := _KEYED.fullmatch(piece):
        yield _figure(match[1], pieces, place)
    elif _PAIR.fullmatch(piece):
        yield from (_figure(part, pieces, place) for part in re.split("[/-]", piece))
    elif (span := _SPAN.fullmatch(piece)) and sum(part is not None for part in span.groups()) > 1:
        hours, minutes, seconds = (float(part or 0) for part in span.groups())
        yield Figure(piece, hours * 3600 + minutes * 60 + seconds, "seconds", 1)
    elif _NUMBER.fullmatch(piece):
        yield _figure(piece, pieces, place)


def _in_words(piece: str, pieces: list[_Piece], place: int) -> Figure | None:
    lower, after = piece.lower(), [each.word for each in pieces[place + 1 : place + 3]]
    if lower in _WORDS:
        return replace(_figure(str(_WORDS[lower]), pieces, place), text=piece)
    if lower in _MAGNITUDES:
        value = _MAGNITUDES[lower] * (_MAGNITUDES.get(after[-1], 1.0) if after[:1] == ["of"] else 1.0)
        return Figure(piece, value, "count", 9 * value)
    if lower in _MULTIPLES:
        return Figure(piece, _MULTIPLES[lower], "ratio", 1)
    if lower in _SHARES and after[:1] == ["of"]:
        share, step = _SHARES[lower]
        return Figure(piece, share, "percent", step)
    return Figure(piece, 1800, "seconds", 600) if [lower, *after] == ["half", "an", "hour"] else None


def _figure(piece: str, pieces: list[_Piece], place: int) -> Figure:
    match = _NUMBER.fullmatch(piece)
    if match is None:
        return _NO_FIGURE
    money, digits, fraction, exponent, scale, attached = match.groups()
    unit = _unit((attached or "").lower(), pieces, place, is_status=len(digits) == 3 and digits[0] in "45")
    kind, factor = unit or ("count", 1.0)
    if money:
        kind, factor = "money", 1.0
    factor *= _SCALES.get(scale or "", 1.0)
    value = float(digits + (fraction or "") + (exponent or ""))
    return Figure(piece, value * factor, kind, _step(digits, fraction, kind, bool(scale)) * factor)


def _unit(attached: str, pieces: list[_Piece], place: int, *, is_status: bool) -> tuple[Kind, float] | None:
    """Return what is measured and the factor; None for a count, also for what counts: `12th`, `503s`."""
    if place and pieces[place - 1].word in ("line", "lines", "port"):
        return "place", 1.0
    if attached:
        return None if attached == "s" and is_status else _UNITS.get(attached)
    first, second = (
        piece.word if piece.is_glued else "" for piece in [*pieces[place + 1 : place + 3], _NONE, _NONE][:2]
    )
    if first == "per":
        return ("percent", 1.0) if second == "cent" else ("rate", 1.0)
    if first == "times":
        return ("ratio", 1.0) if second in _COMPARED else None
    if first in _EARLIER and [piece.word for piece in pieces[max(place - 2, 0) : place]] == ["in", "the"]:
        return _unit_of_time_before(pieces[:place])
    return _UNITS[first] if first in _SEPARATE else None


def _unit_of_time_before(pieces: list[_Piece]) -> tuple[Kind, float] | None:
    """Return the last unit of time in the same sentence."""
    same = takewhile(lambda piece: not piece.text.endswith(_SENTENCE_ENDS), reversed(pieces))
    units = (_UNITS[piece.word] for piece in same if piece.word in _SEPARATE)
    return next((unit for unit in units if unit[0] == "seconds"), None)


def _step(digits: str, fraction: str | None, kind: Kind, is_scaled: bool) -> float:
    """Return one in the last place that was written; zeros at the end of a large number are none."""
    if fraction:
        return 10.0 ** (1 - len(fraction))
    zeros = len(digits) - len(digits.rstrip("0"))
    if len(digits) > 2 and zeros:
        return 10.0 ** min(zeros, len(digits) - 2)
    return 0.0 if kind in ("count", "place") and not is_scaled else 1.0


def _with_shared_units(numbers: list[tuple[int, Figure]], pieces: list[_Piece]) -> Iterator[tuple[int, Figure]]:
    """Give the first number of a range the unit of the second: `0.25 to 1.75 s`."""
    for (place, number), (next_place, following) in zip_longest(numbers, numbers[1:], fillvalue=(-1, _NO_FIGURE)):
        is_range = next_place == place or (next_place == place + 2 and pieces[place + 1].text in _BETWEEN)
        if is_range and number.kind == "count" and following.kind not in ("count", "place"):
            factor = following.value / (float(re.sub(r"[^\d.]", "", following.text)) or 1.0)
            step = (number.step or 1.0) * factor
            yield place, replace(number, kind=following.kind, value=number.value * factor, step=step)
        elif place >= 0:
            yield place, number


def _with_context(number: Figure, pieces: list[_Piece], place: int) -> Figure:
    after, before = pieces[place + 1 : place + 5], pieces[max(place - 4, 0) : place][::-1]
    near = {word for side in (after, before) for piece in _own(side) for word in _LONG_WORD.findall(piece.word)}
    words = frozenset(stem(word) for word in near - FUNCTION_WORDS)
    ends_there = pieces[place].text.endswith(tuple(_ENDS))
    counted = _counted(after) if number.kind == "count" and not ends_there else ""
    return replace(number, counted=counted, words=words)


def _own(side: list[_Piece]) -> Iterator[_Piece]:
    """Yield the pieces up to another number, past one that belongs to the same: `4211 of 9000`, `1 to 2`."""
    connects = False
    for piece in side:
        if piece.text[0].isdecimal() and not connects:
            return
        connects = piece.word in _BETWEEN or piece.word == "of"
        yield piece


def _counted(after: list[_Piece]) -> str:
    """Return the stem of the plural noun that follows, past adjectives."""
    for piece in after:
        if piece.word in FUNCTION_WORDS or not piece.word.isalpha() or not piece.is_glued:
            return ""
        if piece.word.endswith("s") and not piece.word.endswith(("ss", "us", "is")):
            return stem(piece.word)
        if piece.word != piece.text.lower():
            return ""
    return ""
