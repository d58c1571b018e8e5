"""Words by which a log store finds the lines of one kind of error again."""

import re
from collections.abc import Iterator, Sequence

from shared.analysis.logs.digest import digest
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.logs.masking import WILDCARD
from shared.analysis.logs.stack_traces.parsed import UNKNOWN_TYPE
from shared.telemetry.port import LogLine

MAX_KINDS = 6
MIN_CHARS = 8
"""A shorter piece of a line is in lines of every kind."""
VARIABLE_PART = re.compile(re.escape(WILDCARD) + r"|\[cut: [^\]]*\]")
"""A wildcard of a template, or what stands in the place of a secret."""


def error_words(lines: Sequence[LogLine], own_names: Sequence[str]) -> list[tuple[str, ...]]:
    """
    Return words for the most frequent kinds of errors in the lines, oldest first; each in at least one of the lines.

    A line of that kind holds all words of its entry. Frames and exception may be lines of their own, so words of two
    lines are never asked for together.
    """
    groups = digest(lines, own_names).groups
    kinds: list[TraceGroup | LineGroup] = [*groups.traces, *(one for one in groups.lines if _is_plain_error(one))]
    kinds.sort(key=lambda group: -len(group.times))
    words = (_words(group, [line.text for line in lines]) for group in kinds[:MAX_KINDS])
    return list(dict.fromkeys(each for each in words if each))


def _is_plain_error(group: LineGroup) -> bool:
    return group.is_error and not group.carries_trace


def _words(group: TraceGroup | LineGroup, texts: Sequence[str]) -> tuple[str, ...]:
    """Return the first candidate that a line really holds: entries are unescaped and joined, lines of the store not."""
    for candidate in _candidates(group):
        if any(all(word in text for word in candidate) for text in texts):
            return candidate
    return ()


def _candidates(group: TraceGroup | LineGroup) -> Iterator[tuple[str, ...]]:
    if isinstance(group, TraceGroup):
        raised = group.parsed.raised
        if raised.type == UNKNOWN_TYPE:
            return
        if raised.frames:
            deepest = next((frame for frame in reversed(raised.frames) if frame.in_app), raised.frames[-1])
            yield (raised.type, deepest.path.rpartition("/")[2])
        yield (raised.type,)
    else:
        yield from ((piece,) for piece in _literal_pieces(group.cluster.template))


def _literal_pieces(template: str) -> list[str]:
    """Return the pieces between the variable parts, the longest first."""
    pieces = (piece.strip() for piece in VARIABLE_PART.split(template))
    return sorted((piece for piece in pieces if len(piece) >= MIN_CHARS), key=len, reverse=True)
