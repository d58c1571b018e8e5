"""Ruby backtraces: the interpreter's own, both orders of its output, Rails' logs, and causes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.analysis.logs.lines.prefixes import header_end
from shared.analysis.logs.stack_traces.parsed import (
    UNKNOWN_TYPE,
    ParsedTrace,
    Raised,
    TraceFrame,
    explaining_exception,
    frame,
    owned,
)

# Rails writes the request's tags before each line of a backtrace: `[3f1e-1000] app/models/…`
TAGS = r"(?:\[[\w.:-]{1,64}\] ?)*"
_PLACE = (
    r"(?P<path>{run}(?:<internal:)?[^\s:()'\"]+(?:\.rb|\.rake|\.erb|\.ru|\.haml|\.slim|>)|\(eval[^)]*\)"
    r"|{word}[./\w-]*bin/[\w.-]+):(?P<line>\d+)"
)
PLACE = _PLACE.format(run="", word="")
ANYWHERE = _PLACE.format(run=r"(?<![^\s:()'\"])", word=r"(?<![./\w-])")
"""A place that starts where a path does, so that a long one is not read again from each of its letters."""
IN = r"(?::in [`'](?P<function>[^']*)')?"
FRAME = re.compile(rf"^\s*{TAGS}(?:\d+: )?(?:from )?{PLACE}{IN}\s*$")
RAISED_AT = re.compile(rf"^.*?{ANYWHERE}{IN}: (?P<message>.*?)(?: \((?P<type>[A-Z][\w:]*)\))?\s*$")
_TYPE = r"(?P<type>[A-Z]\w*(?:::[A-Z]\w*)*)"
HEAD = re.compile(
    r"(?:^|[\s<])(?!Traceback |(?:FATAL|ERROR|WARN|INFO|DEBUG|ANY)\b|(?:Caused by|Causes): )"
    rf"{_TYPE}\s?(?:\((?P<inside>.*)\):?|: (?P<message>.*?))>?\s*$"
)
LOGGED = re.compile(rf"^(?P<message>[^\n]*?\S) \({_TYPE}\)\s*$")
REVERSED = re.compile(r"^[^\S\n]+1: from ", re.MULTILINE)
LISTED_CAUSE = re.compile(rf"^{TAGS}Caused by: ")
"""Rails lists the causes before the first backtrace and gives each its own later, as `Information for cause`."""


@dataclass
class _Part:
    """One exception of the text while it is read, its frames as they are printed."""

    type: str = ""
    message: str = ""
    frames: list[TraceFrame] = field(default_factory=list)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text; a cause, which is printed after what it led to, has its own frames."""
    parts = [_Part()]
    lines = text.splitlines()
    for line in lines:
        _read(parts, line)
    outer_first = bool(REVERSED.search(text))
    chain = [owned(_raised(part, outer_first), "ruby", own_names) for part in parts if part.frames]
    if not chain:
        return []
    if not parts[0].type and len(chain) == 1:
        chain = [_named_by_logger(chain[0], lines)]
    chosen = explaining_exception(chain)
    return [ParsedTrace("ruby", chosen, tuple(one for one in chain if one is not chosen))]


def _read(parts: list[_Part], line: str) -> None:
    if match := FRAME.match(line):
        parts[-1].frames.append(_frame(match))
    elif (match := RAISED_AT.match(line)) and match["type"]:
        _open(parts, match["type"], match["message"])
        parts[-1].frames.append(_frame(match))
    elif not LISTED_CAUSE.match(line) and (match := HEAD.search(line)):
        if match["inside"] is None and parts[-1].frames:
            # Words after a backtrace: a line of Rails that names a cause has its message in brackets.
            return
        _open(parts, match["type"], match["inside"] or match["message"] or "")


def _open(parts: list[_Part], type_: str, message: str) -> None:
    """Start the next exception once the one before has its frames; the first line that names one is right."""
    if parts[-1].frames and parts[-1].type:
        parts.append(_Part())
    if not parts[-1].type and not parts[-1].frames:
        parts[-1].type, parts[-1].message = type_, message


def _raised(part: _Part, outer_first: bool) -> Raised:
    ordered = part.frames if outer_first else part.frames[::-1]
    return Raised(part.type or UNKNOWN_TYPE, part.message, tuple(ordered))


def _named_by_logger(raised: Raised, lines: list[str]) -> Raised:
    """Ruby's logger writes `message (Type)` above the backtrace."""
    for line in lines:
        if FRAME.match(line):
            break
        if match := LOGGED.search(line[header_end(line) :]):
            return Raised(match["type"], match["message"], raised.frames)
    return raised


def _frame(match: re.Match[str]) -> TraceFrame:
    return frame(match["path"], int(match["line"]), match["function"] or "")
