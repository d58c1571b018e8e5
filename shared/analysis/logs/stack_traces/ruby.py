"""Ruby backtraces: the interpreter's own, both orders of its output, Rails' logs, and `Caused by`."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import UNKNOWN_TYPE, ParsedTrace, Raised, TraceFrame, frame, owned

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
HEAD = re.compile(
    r"(?:^|\s)(?!Traceback )(?P<type>[A-Z]\w*(?:::[A-Z]\w*)*)\s?(?:\((?P<inside>.*)\):?|: (?P<message>.*))\s*$"
)
REVERSED = re.compile(r"^[^\S\n]+1: from ", re.MULTILINE)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text; frames of a `Caused by` section are read as frames of its error."""
    frames: list[TraceFrame] = []
    head: tuple[str, str] | None = None
    outer_first = bool(REVERSED.search(text))
    for line in text.splitlines():
        if match := FRAME.match(line):
            frames.append(_frame(match))
        elif (match := RAISED_AT.match(line)) and match["type"] and head is None:
            head = (match["type"], match["message"])
            frames.append(_frame(match))
        elif head is None and not frames and (match := HEAD.search(line)):
            head = (match["type"], match["inside"] or match["message"] or "")
    if not frames:
        return []
    ordered = frames if outer_first else frames[::-1]
    type_, message = head or (UNKNOWN_TYPE, "")
    return [ParsedTrace("ruby", owned(Raised(type_, message, tuple(ordered)), "ruby", own_names))]


def _frame(match: re.Match[str]) -> TraceFrame:
    return frame(match["path"], int(match["line"]), match["function"] or "")
