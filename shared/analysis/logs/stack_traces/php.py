"""PHP's uncaught exceptions and `#0 file(line): call()` traces."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import UNKNOWN_TYPE, ParsedTrace, Raised, frame, owned

FRAME = re.compile(r"^[^\S\n]*#\d+ (?P<path>[^\s(][^(\n]*\.\w+)\((?P<line>\d+)\): (?P<function>[^(\n]*)", re.MULTILINE)
# Monolog, which Laravel and Symfony log with: https://github.com/Seldaek/monolog, LineFormatter
MONOLOG = re.compile(
    r"\[object\] \((?P<type>[\w\\]+)\(code: [^)\n]*\): (?P<message>.*?) at (?P<path>/[^\s:]+):(?P<line>\d+)\)"
)
HEAD = re.compile(
    r"(?P<type>[A-Z][\w\\]*(?:Error|Exception)\w*): (?P<message>.*?) in (?P<path>\S+?\.php)(?::|\()(?P<line>\d+)"
)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the text; the raising line is named in the message, not in the numbered frames."""
    # In a line of JSON the backslashes of namespaces are doubled.
    text = text.replace("\\\\", "\\")
    frames = [frame(match["path"], int(match["line"]), match["function"]) for match in FRAME.finditer(text)]
    if not frames:
        return []
    head = HEAD.search(text) or MONOLOG.search(text)
    if head:
        frames.insert(0, frame(head["path"], int(head["line"])))
        # A numbered frame names what it calls, so the function in which a line stands is that of the frame before.
        called = [one.function for one in frames[1:]] + [""]
        frames = [one._replace(function=name) for one, name in zip(frames, called, strict=True)]
    type_, message = (head["type"], head["message"]) if head else (UNKNOWN_TYPE, "")
    return [ParsedTrace("unknown", owned(Raised(type_, message, tuple(reversed(frames))), "unknown", own_names))]
