"""JavaScript and TypeScript stacks as V8 prints them (Node, Chrome, Deno, Bun): async frames, eval, `[cause]`."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import (
    UNKNOWN_TYPE,
    ParsedTrace,
    Raised,
    TraceFrame,
    explaining_exception,
    frame,
    owned,
)

AT = re.compile(
    r"^\s*at (?:async )?(?:(?P<function>.+?) \()?"
    r"(?P<path>[^()\s][^()]*?|<anonymous>|native)(?::(?P<line>\d+))?(?::\d+)?\)?,?\s*\{?$"
)
# `at async Promise.all (index 0)` and similar lines are in a stack without a file and line.
NO_PLACE = re.compile(r"^\s+at (?:async )?\S")
POSITION = re.compile(r":\d+:\d+\)?,?\s*\{?$|\(<anonymous>\)|\(native\)|\(node:")
HEAD = re.compile(
    r"(?:^|[\s\]}:])(?:Uncaught )?(?P<type>(?:[A-Z][\w$]*\.)?[A-Z][\w$]*(?:Error|Exception|Rejection|Warning)|Error)"
    r"(?: \[\w+\])?(?::\s(?P<message>.*)|)$"
)
CAUSE = re.compile(r"\[(?:cause|errors)\]: |^\s*Caused by: ")
SCHEME = re.compile(
    r"^(?:file://|webpack(?:-internal)?:///?(?:\./)?|webpack://[\w-]*/(?:\./)?|https?://[^/]+/|app:///)"
)
QUERY = re.compile(r"\?[\w=&.-]*$")
MAX_MESSAGE_LINES = 20


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the traces of the text in their order; causes belong to the error they are printed with."""
    chains: list[list[Raised]] = []
    before: list[str] = []
    frames: list[TraceFrame] = []
    head: tuple[str, str, bool] = (UNKNOWN_TYPE, "", False)
    for line in [*text.splitlines(), ""]:
        match = AT.match(line) if POSITION.search(line) else None
        if match:
            if not frames:
                head = _head(before)
                before = []
            frames.append(_frame(match))
            continue
        if frames and NO_PLACE.match(line):
            continue
        if frames:
            _close(chains, head, frames)
            frames = []
        before.append(line)
    return [_choose(chain, own_names) for chain in chains]


def _close(chains: list[list[Raised]], head: tuple[str, str, bool], frames: list[TraceFrame]) -> None:
    type_, message, is_cause = head
    raised = Raised(type_, message, tuple(reversed(frames)))
    if is_cause and chains:
        chains[-1].append(raised)
    else:
        chains.append([raised])


def _head(before: list[str]) -> tuple[str, str, bool]:
    """Return type and message of the error above its first frame, and whether it is another's cause."""
    for index in range(len(before) - 1, max(len(before) - 1 - MAX_MESSAGE_LINES, -1), -1):
        if match := HEAD.search(before[index].rstrip()):
            message = " ".join([match["message"] or "", *before[index + 1 :]]).strip()
            return match["type"], message, bool(CAUSE.search(before[index]))
    return UNKNOWN_TYPE, before[-1].strip() if before else "", False


def _frame(match: re.Match[str]) -> TraceFrame:
    path = QUERY.sub("", SCHEME.sub("", match["path"].strip()))
    return frame(path, int(match["line"]) if match["line"] else None, (match["function"] or "").removeprefix("new "))


def _choose(chain: list[Raised], own_names: Sequence[str]) -> ParsedTrace:
    exceptions = [owned(raised, "javascript", own_names) for raised in chain]
    chosen = explaining_exception(exceptions)
    return ParsedTrace("javascript", chosen, tuple(one for one in exceptions if one is not chosen))
