"""C# and F# stack traces: inner exceptions before (`--->`) or on the same line, frames with or without files."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import UNKNOWN_TYPE, ParsedTrace, Raised, TraceFrame, frame, owned

AT = re.compile(
    r"^\s*at (?P<function>[\w.<>`+\[\],$|\-]+(?:\.\.ctor|\.\.cctor)?)\s?(?P<arguments>\([^)]*\))"
    r"(?: in (?P<path>.+?):line (?P<line>\d+))?\s*$"
)
NAME = r"(?<![\w`])(?:[A-Za-z_][\w`]*\.)*(?>[A-Z][\w`]*(?:Exception|Error|Fault)\w*)"
"""Whole words, of which nothing is given back: else a long word is read again from each of its letters."""
HEAD = re.compile(rf"(?P<type>{NAME})(?: \([^)]*\))?(?::\s?(?P<message>.*?))?(?=\s*--->\s|\s*$)")
INNER_ENDS = "--- End of inner exception stack trace ---"
ARROW = re.compile(r"\s*(?:\(Inner Exception #\d+\) )?--->\s*")


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text, root cause chosen: .NET prints innermost frames first, then the wrappers'."""
    heads: list[tuple[str, str]] = []
    frames: list[TraceFrame] = []
    for line in text.splitlines():
        match = AT.match(line)
        if match:
            frames.append(_frame(match))
        elif not frames and INNER_ENDS not in line:
            heads.extend(_heads(line))
    if not frames:
        return []
    type_, message = heads[-1] if heads else (UNKNOWN_TYPE, "")
    raised = owned(Raised(type_, message, tuple(reversed(frames))), "dotnet", own_names)
    return [ParsedTrace("dotnet", raised, tuple(Raised(*head, ()) for head in heads[:-1]))]


def _heads(line: str) -> list[tuple[str, str]]:
    """Return the exceptions a line names, outermost first."""
    matches = [HEAD.search(part) for part in ARROW.split(line) if part]
    return [(one["type"], (one["message"] or "").strip()) for one in matches if one]


def _frame(match: re.Match[str]) -> TraceFrame:
    """Name the file as the trace does; without debug symbols, use the type instead."""
    function = match["function"]
    path = (match["path"] or function.rpartition(".")[0].partition(".<")[0]).replace("\\", "/")
    return frame(path, int(match["line"]) if match["line"] else None, function)
