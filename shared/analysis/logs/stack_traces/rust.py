"""Rust panics and errors, with the backtrace that `RUST_BACKTRACE` adds; the runtime's frames are not the service's."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from shared.analysis.logs.stack_traces.parsed import ParsedTrace, Raised, TraceFrame, frame, owned

_PATH = r"(?P<path>(?:[A-Za-z]:)?[^\s:',]+\.rs):(?P<line>\d+)(?::\d+)?"
# Since Rust 1.73 the message is on the line after the place; before, it stood in quotes before it.
START = re.compile(
    rf"panicked at (?:'(?P<message>.*)'(?:,|:) )?{_PATH}:?\s*$"
    r"|^Location: +(?P<eyre>\S+\.rs):(?P<eyre_line>\d+)|(?:^|\s)(?P<error>Error): (?=\S)",
    re.MULTILINE,
)
MESSAGE_OPENS = re.compile(r"panicked at '")
MESSAGE_CLOSES = re.compile(rf"^(?P<rest>.*)', {_PATH}\s*$")
NAME = re.compile(r"^\s*\d+: +(?:0x[0-9a-f]+ - )?(?P<function>\S.*?)\s*$")
PLACE = re.compile(r"^\s+at (?P<path>(?:[A-Za-z]:)?[^\s:]+):(?P<line>\d+)(?::\d+)?\s*$")
CLOSURE = re.compile(r"::\{\{closure\}\}|::\{closure#\d+\}|::h[0-9a-f]{16}$")
EYRE_MESSAGE = re.compile(r"^Message: +(?P<message>.*)$", re.MULTILINE)
CAUSE = re.compile(r"^\s+(?:\d+: )?(?P<message>\S.*)$")
BACKTRACE = re.compile(r"^[^\S\n]*[Ss]tack backtrace:|BACKTRACE", re.MULTILINE)
ENDS_MESSAGE = re.compile(r"^\s*$|^\s*[Ss]tack backtrace:|^note: |^\s+0: |^Caused by:|^Location: ")
MAX_MESSAGE_LINES = 20


@dataclass
class _Panic:
    """What a line raised, with the lines after it; without a place where only the backtrace shows it."""

    type: str
    message: str
    place: TraceFrame | None
    lines: list[str] = field(default_factory=list)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the panics of the text in their order; without a backtrace its place is the only frame."""
    has_backtrace = BACKTRACE.search(text) is not None
    panics: list[_Panic] = []
    for line in _whole_messages(text.splitlines()):
        match = START.search(line)
        if match and (has_backtrace or not match["error"]) and not (match["error"] and panics):
            panics.append(_start(match, line, text))
        elif panics:
            panics[-1].lines.append(line)
    return [trace for one in panics if (trace := _trace(one, own_names))]


def _whole_messages(lines: list[str]) -> Iterator[str]:
    """Yield the lines, a quoted message of several lines before its place as one."""
    opened: list[str] = []
    for line in lines:
        if opened:
            opened.append(line)
            if MESSAGE_CLOSES.match(line) or len(opened) > MAX_MESSAGE_LINES:
                yield from [" ".join(part.strip() for part in opened)] if MESSAGE_CLOSES.match(line) else opened
                opened = []
        elif MESSAGE_OPENS.search(line) and not START.search(line):
            opened.append(line)
        else:
            yield line
    yield from opened


def _start(match: re.Match[str], line: str, text: str) -> _Panic:
    if match["error"]:
        return _Panic("Error", line[match.end() :].strip(), None)
    if match["eyre"]:
        message = EYRE_MESSAGE.search(text)
        return _Panic("panic", message["message"] if message else "", frame(match["eyre"], int(match["eyre_line"])))
    return _Panic("panic", match["message"] or "", _frame(match, ""))


def _trace(panic: _Panic, own_names: Sequence[str]) -> ParsedTrace | None:
    frames = _frames(panic.lines)
    if panic.place is not None:
        at = next((index for index, one in enumerate(frames) if _is_place(one, panic.place)), None)
        # What is above the place of the panic is the runtime, which reports it.
        frames = [panic.place] if at is None else frames[at:]
    if not frames:
        return None
    raised = Raised(panic.type, _message(panic), tuple(reversed(frames)))
    return ParsedTrace("rust", owned(raised, "rust", own_names))


def _message(panic: _Panic) -> str:
    if panic.place is not None:
        rest = takewhile(lambda line: not ENDS_MESSAGE.match(line), panic.lines[:MAX_MESSAGE_LINES])
        return panic.message or " ".join(line.strip() for line in rest)
    lines = iter(panic.lines)
    causes = [panic.message]
    if any(line.startswith("Caused by:") for line in lines):
        below = takewhile(lambda line: line.strip() and not BACKTRACE.match(line), lines)
        causes += [match["message"] for line in below if (match := CAUSE.match(line))]
    return ": ".join(causes)


def _is_place(one: TraceFrame, place: TraceFrame) -> bool:
    return one.line == place.line and one.path.endswith(place.path)


def _frames(lines: list[str]) -> list[TraceFrame]:
    """Return the frames of the backtrace, innermost first as they are printed."""
    frames: list[TraceFrame] = []
    function = ""
    for line in lines:
        if match := PLACE.match(line):
            if function:
                frames.append(_frame(match, function))
            function = ""
        elif match := NAME.match(line):
            function = CLOSURE.sub("", match["function"])
    return frames


def _frame(match: re.Match[str], function: str) -> TraceFrame:
    return frame(match["path"].replace("\\", "/").removeprefix("./"), int(match["line"]), function)
