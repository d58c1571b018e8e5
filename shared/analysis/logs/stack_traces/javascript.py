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
    r"(?P<path>(?:[^()\s]|\([\w.@-]*\)/)(?:[^()]|\([\w.@-]*\)/)*?|<anonymous>|native)(?::(?P<line>\d+))?(?::\d+)?\)?,?\s*\{?$"
)
LOOKS_LIKE = re.compile(
    r"^[^\S\n]*at .*(?:\.(?:[cm]?[jt]sx?|vue|svelte|astro|coffee|cljs|html)(?:\?[\w=&.-]*)?(?::\d+)*"
    r"|\b(?:node:|file:///|https?://|webpack)[^\s()]*(?::\d+)+|\(/[^\s().]*:\d+:\d+|\(<anonymous>|\(native)\)?,?\s*\{?$",
    re.MULTILINE,
)
"""Frames of V8: others write a place as a file, line and column too, so the file must be one of JavaScript."""
# `at async Promise.all (index 0)` and similar lines are in a stack without a file and line.
NO_PLACE = re.compile(r"^\s+at (?:async )?\S|^\s+\.\.\. \d+ lines? matching ")
POSITION = re.compile(r":\d+:\d+\)?,?\s*\{?$|\(<anonymous>\)|\(native\)|\(node:")
HEAD = re.compile(
    r"(?:^|[\s\]}:])(?:Uncaught )?(?P<type>(?:[A-Z][\w$]*\.)?[A-Z][\w$]*(?:Error|Exception|Rejection|Warning)|Error)"
    r"(?: \[\w+\])?(?::(?:\s(?P<message>.*))?)?$"
)
CAUSE = re.compile(r"\[(?:cause|errors)\]: |^\s*Caused by: ")
REJECTED = re.compile(r"^.{0,40}?UnhandledPromiseRejectionWarning: (?=[A-Z])")
"""Node's warning, before the error that it is about."""
NAMED = re.compile(r"^(?:Uncaught )?(?P<type>[A-Z]\w*(?:\.[A-Z]\w*)*)(?: \[\w+\])?: (?P<message>.*)$")
BANNER = re.compile(r"^(?:file://)?(?P<path>(?:/|[A-Za-z]:\\)[^\s:]+):(?P<line>\d+)$")
SCHEME = re.compile(
    r"^(?:file://|webpack://[\w@-]+/(?:\./)?|webpack(?:-internal)?:///?(?:\([\w-]+\)/)?(?:\./)?|https?://[^/]+/|app:///)"
)
QUERY = re.compile(r"\?[\w=&.-]*$")
MAX_MESSAGE_LINES = 20


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the traces of the text in their order; causes belong to the error they are printed with."""
    chains: list[list[Raised]] = []
    before: list[str] = []
    frames: list[TraceFrame] = []
    head: tuple[str, str, bool] = (UNKNOWN_TYPE, "", False)
    banner: TraceFrame | None = None
    for line in [*text.splitlines(), ""]:
        if place := BANNER.match(line):
            banner = frame(place["path"], int(place["line"]))
        match = AT.match(line) if POSITION.search(line) else None
        if match:
            if not frames:
                head = _head(before)
                before = []
                if banner and head[0] == "SyntaxError":
                    # A module that cannot be parsed is on no stack: Node prints its line above.
                    frames.append(banner)
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
        if match := HEAD.search(REJECTED.sub("", before[index].rstrip())):
            message = " ".join([match["message"] or "", *before[index + 1 :]]).strip()
            is_inside = bool(CAUSE.search(before[index])) or before[index][:1].isspace()
            return match["type"], message, is_inside
    if before and (match := NAMED.match(before[-1])):
        return match["type"], match["message"], False
    return UNKNOWN_TYPE, before[-1].strip() if before else "", False


def _frame(match: re.Match[str]) -> TraceFrame:
    path = QUERY.sub("", SCHEME.sub("", match["path"].strip()))
    return frame(path, int(match["line"]) if match["line"] else None, (match["function"] or "").removeprefix("new "))


def _choose(chain: list[Raised], own_names: Sequence[str]) -> ParsedTrace:
    exceptions = [owned(raised, "javascript", own_names) for raised in chain]
    chosen = explaining_exception(exceptions)
    return ParsedTrace("javascript", chosen, tuple(one for one in exceptions if one is not chosen))
