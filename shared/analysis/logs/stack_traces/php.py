"""PHP's uncaught exceptions and `#0 file(line): call()` traces, its fatal errors, and Monolog's exceptions."""

import re
from collections.abc import Iterator, Sequence

from shared.analysis.logs.stack_traces.parsed import (
    UNKNOWN_TYPE,
    ParsedTrace,
    Raised,
    TraceFrame,
    explaining_exception,
    frame,
    owned,
)

FRAME = re.compile(
    r"^[^\S\n]*#\d+ (?:(?P<path>[^\s(\[][^(\n]*\.\w+)\((?P<line>\d+)\)|\[internal function\]): ?(?P<function>[^(\n]*)",
    re.MULTILINE,
)
BACKSLASHES = re.compile(r"\\{2,}")
_TYPE = r"(?P<type>[A-Za-z_\\][\w\\]*)"
_MESSAGE = r"(?P<message>[\s\S]{0,500}?)"
# Monolog, which Laravel and Symfony log with: https://github.com/Seldaek/monolog, LineFormatter
MONOLOG = re.compile(
    rf"\[object\] \({_TYPE}\(code: [^)\n]*\): {_MESSAGE} at (?P<path>(?:/|[A-Za-z]:)[^\s:]+):(?P<line>\d+)\)"
)
UNCAUGHT = re.compile(rf"\b(?P<link>Uncaught|Next) {_TYPE}: {_MESSAGE} in (?P<path>\S+?\.\w+)(?::|\()(?P<line>\d+)")
HEAD = re.compile(
    r"(?<![\w\\])(?P<type>[A-Z][\w\\]*(?:Error|Exception)\w*): (?P<message>[^\n]{0,500}?)"
    r" in (?P<path>\S+?\.php)(?::|\()(?P<line>\d+)"
)
FATAL = re.compile(
    r"(?<!\w)(?P<type>(?:Fatal|Parse|Compile|Core|Recoverable fatal) error): +(?!Uncaught )"
    r"(?P<message>[^\n]{0,500}?) in (?P<path>\S+?\.\w+) on line (?P<line>\d+)"
)
HEADS = (MONOLOG, UNCAUGHT, HEAD, FATAL)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text; the raising line is named in the message, not in the numbered frames."""
    # In a line of JSON the backslashes of namespaces are doubled.
    text = BACKSLASHES.sub(r"\\", text)
    heads = next((matches for pattern in HEADS if (matches := list(pattern.finditer(text)))), [])
    chain = [owned(raised, "php", own_names) for raised in _exceptions(text, heads)]
    if not chain:
        return []
    if heads and heads[0].re is UNCAUGHT:
        # PHP prints the cause first, and what was raised because of it next.
        chain.reverse()
    chosen = explaining_exception(chain)
    return [ParsedTrace("php", chosen, tuple(one for one in chain if one is not chosen))]


def _exceptions(text: str, heads: list[re.Match[str]]) -> Iterator[Raised]:
    """Yield each exception with the frames between its head and the next one."""
    if not heads:
        if frames := _called(None, text):
            yield Raised(UNKNOWN_TYPE, "", tuple(reversed(frames)))
        return
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        end = following.start() if following else len(text)
        raised_at = frame(head["path"].replace("\\", "/"), int(head["line"]))
        frames = _called(raised_at, text[head.end() : end])
        message = " ".join(head["message"].replace('\\"', '"').split("\n"))
        yield Raised(head["type"], message, tuple(reversed(frames)))


def _called(raised_at: TraceFrame | None, text: str) -> list[TraceFrame]:
    """
    Return the frames, innermost first.

    A numbered frame names what it calls, so the function in which a line stands is that of the frame after it.
    """
    matches = list(FRAME.finditer(text))
    places = [frame(one["path"], int(one["line"])) if one["path"] else None for one in matches]
    names = [one["function"].strip() for one in matches]
    if raised_at is None:
        named = zip(places, names, strict=True)
    else:
        named = zip([raised_at, *places], [*names, ""], strict=True)
    return [place._replace(function=name) for place, name in named if place is not None]
