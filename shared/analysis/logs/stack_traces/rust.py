"""Rust panics, with the backtrace that `RUST_BACKTRACE` adds; the runtime's own frames are not the service's."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import ParsedTrace, Raised, TraceFrame, frame, owned

# Since Rust 1.73 the message is on the line after the place; before, it stood in quotes before it.
START = re.compile(
    r"thread '[^']*' (?:\(\d+\) )?panicked at (?:'(?P<message>.*)', )?"
    r"(?P<path>[^\s:',]+\.rs):(?P<line>\d+)(?::\d+)?:?\s*$",
    re.MULTILINE,
)
NAME = re.compile(r"^\s*\d+: (?:0x[0-9a-f]+ - )?(?P<function>\S.*?)\s*$")
PLACE = re.compile(r"^\s+at (?P<path>[^\s:]+):(?P<line>\d+)(?::\d+)?\s*$")
CLOSURE = re.compile(r"::\{\{closure\}\}|::h[0-9a-f]{16}$")


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the panics of the text in their order; without a backtrace its place is the only frame."""
    panics: list[tuple[re.Match[str], list[str]]] = []
    for line in text.splitlines():
        if match := START.search(line):
            panics.append((match, []))
        elif panics:
            panics[-1][1].append(line)
    return [_panic(start, lines, own_names) for start, lines in panics]


def _panic(start: re.Match[str], lines: list[str], own_names: Sequence[str]) -> ParsedTrace:
    message = start["message"] or next((line.strip() for line in lines[:1] if not _is_backtrace(line)), "")
    place = frame(start["path"], int(start["line"]))
    frames = _frames(lines)
    at = next((index for index, one in enumerate(frames) if _is_place(one, place)), None)
    # What is above the place of the panic is the runtime, which reports it.
    frames = [place] if at is None else frames[at:]
    raised = Raised("panic", message, tuple(reversed(frames)))
    return ParsedTrace("unknown", owned(raised, "unknown", own_names))


def _is_backtrace(line: str) -> bool:
    return line.startswith(("stack backtrace:", "note: "))


def _is_place(one: TraceFrame, place: TraceFrame) -> bool:
    return one.line == place.line and one.path.endswith(place.path.removeprefix("./"))


def _frames(lines: list[str]) -> list[TraceFrame]:
    """Return the frames of the backtrace, innermost first as they are printed."""
    frames: list[TraceFrame] = []
    function = ""
    for line in lines:
        if match := PLACE.match(line):
            if function:
                frames.append(frame(match["path"].removeprefix("./"), int(match["line"]), function))
            function = ""
        elif match := NAME.match(line):
            function = CLOSURE.sub("", match["function"])
    return frames
