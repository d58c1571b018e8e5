"""C# and F# stack traces: inner exceptions before (`--->`) or on the same line, frames with or without files."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import UNKNOWN_TYPE, ParsedTrace, Raised, TraceFrame, frame, owned

AT = re.compile(
    r"^\s*at (?P<function>[\w.<>`+\[\],$|@'\-]+(?:\.\.ctor|\.\.cctor)?)\s?(?P<arguments>\([^)]*\))"
    r"(?: in (?P<path>.+?):line (?P<line>\d+))?\s*(?:<---)?\s*$"
)
NAME = r"(?<![\w`])(?:[A-Za-z_][\w`]*\.)*(?>[A-Z][\w`]*(?:Exception|Error|Fault)\w*)"
"""Whole words, of which nothing is given back: else a long word is read again from each of its letters."""
HEAD = re.compile(rf"(?P<type>{NAME})(?: \([^)]*\))?(?::\s?(?P<message>.*?))?(?=\s*--->\s|\s*$)")
# An exception whose name has no such ending is known by its namespace, and a runtime that gives up by its words.
NAMED = re.compile(
    r"^\s*(?:Unhandled exception\. ?)?(?P<type>(?:[A-Z]\w*\.)+[A-Z]\w*(?:`\d+)?)(?: \([^)]*\))?"
    r"(?::\s?(?P<message>.*))?$"
    r"|^\s*(?P<crash>Stack overflow|Out of memory)\.(?P<rest>)\s*$"
)
INNER_ENDS = "--- End of inner exception stack trace ---"
MEMBER = "---> (Inner Exception #"
"""Printed after the frames: one more exception of an AggregateException."""
ARROW = re.compile(r"\s*(?:\(Inner Exception #\d+\) )?--->\s*")


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text, root cause chosen: .NET prints innermost frames first, then the wrappers'."""
    heads: list[tuple[str, str]] = []
    frames: list[TraceFrame] = []
    members: list[tuple[str, str]] = []
    for line in text.splitlines():
        match = AT.match(line)
        if match and not members:
            frames.append(_frame(match))
        elif frames and MEMBER in line:
            members.extend(_heads(line))
        elif members:
            continue
        elif not frames and INNER_ENDS not in line:
            heads.extend(_heads(line))
    if not frames:
        return []
    type_, message = heads[-1] if heads else (UNKNOWN_TYPE, "")
    raised = owned(Raised(type_, message, tuple(reversed(frames))), "dotnet", own_names)
    return [ParsedTrace("dotnet", raised, tuple(Raised(*head, ()) for head in [*heads[:-1], *members]))]


def _heads(line: str) -> list[tuple[str, str]]:
    """Return the exceptions a line names, outermost first."""
    matches = [HEAD.search(part) or NAMED.match(part) for part in ARROW.split(line) if part]
    return [_named(one) for one in matches if one]


def _named(match: re.Match[str]) -> tuple[str, str]:
    groups = match.groupdict()
    return groups["type"] or groups["crash"], (groups["message"] or "").strip()


def _frame(match: re.Match[str]) -> TraceFrame:
    """Name the file as the trace does; without debug symbols, use the type instead."""
    function = match["function"]
    type_ = function.rpartition(".")[0] or function
    path = (match["path"] or (type_ if type_.startswith("<") else type_.partition(".<")[0])).replace("\\", "/")
    return frame(path, int(match["line"]) if match["line"] else None, function)
