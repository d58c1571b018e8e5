"""Go panics, fatal errors, goroutine dumps, and the stacks loggers and error packages write in the same form."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces.parsed import ParsedTrace, Raised, TraceFrame, frame, owned

HEAD = re.compile(
    r"^(?:.*?\b)?(?P<kind>panic|fatal error|panic serving [^:\s]+(?::\d+)?)\s*[:=]\s*(?P<message>.*)$", re.MULTILINE
)
RUNTIME = re.compile(r"^(?P<type>runtime error|interface conversion|reflect): (?P<rest>.*)$")
GOROUTINE = re.compile(r"^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[(?P<state>[^\]]+)\]:")
# Gin writes the address after the place, and the function with the source on the next line.
GIN = re.compile(r"^(?P<path>/\S*?\.(?:go|s)):(?P<line>\d+) \(0x[0-9a-f]+\)\s*$")
GIN_CALL = re.compile(r"^\s+(?P<function>[^\s:]+): ")
UNPREFIXED = re.compile(r"(?:^|\] )(?P<message>runtime error: .*)$", re.MULTILINE)
PLACE = re.compile(r"^\s+(?P<path>\S.*?\.(?:go|s)):(?P<line>\d+)(?: \+0x[0-9a-f]+)?\s*$")
CALL = re.compile(
    r"^(?:created by )?(?P<function>[^\s(][^\s]*?(?:\([^()]*\)[^\s(]*)*?)"
    r"(?:\((?:[^()]|\([^()]*\))*\))?(?: in goroutine \d+)?$"
)
KLOG = re.compile(
    r"Observed a panic(?:[\"\t][^\n]{0,1000}?[ \"]panic(?:=|\": )\"(?P<quoted>(?:[^\"\\\n]|\\.)*)\""
    r"|: [^\n]+? \((?P<value>[^\n]*)\)$)",
    re.MULTILINE,
)
"""As fields of klog or zap, or as Go's form of the value and then its words."""
SUFFIX = re.compile(r"\s*\[recovered(?:, repanicked)?\]$|\s*\(?goroutine \d+.*$")
PANICKING = ("panic", "runtime.gopanic", "runtime.panicmem", "runtime.sigpanic", "runtime.throw", "runtime.fatal")


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the trace of the goroutine that failed; the others in a dump were only waiting."""
    lines = text.splitlines()
    frames = _first_stack(lines)
    if not frames:
        return []
    type_, message = _head(text, lines)
    raised = owned(Raised(type_, message, tuple(reversed(frames))), "go", own_names)
    return [ParsedTrace("go", raised)]


def _first_stack(lines: list[str]) -> list[TraceFrame]:
    """Return the frames of the first goroutine, innermost first, from where the panic was raised."""
    frames: list[TraceFrame] = []
    has_goroutine = False
    for index, line in enumerate(lines):
        if GOROUTINE.match(line):
            if has_goroutine and frames:
                break
            has_goroutine = True
        if (place := PLACE.match(line)) and index and (call := CALL.match(lines[index - 1].strip())):
            if lines[index - 1].startswith("created by "):
                continue
            frames.append(frame(place["path"], int(place["line"]), call["function"]))
        elif place := GIN.match(line):
            call = GIN_CALL.match(lines[index + 1]) if index + 1 < len(lines) else None
            frames.append(frame(place["path"], int(place["line"]), call["function"] if call else ""))
    return frames[_panic_site(frames) :]


def _panic_site(frames: list[TraceFrame]) -> int:
    """Return the index below the last call of panic: the frames above it belong to the handlers that caught it."""
    return max((index + 1 for index, one in enumerate(frames[:-1]) if one.function in PANICKING), default=0)


def _head(text: str, lines: list[str]) -> tuple[str, str]:
    if klog := KLOG.search(text):
        return _kind("panic", (klog["quoted"] or klog["value"]).replace('\\"', '"'))
    match = HEAD.search(text) or UNPREFIXED.search(text)
    if not match:
        head = next((line.strip() for line in lines if line.strip() and not GOROUTINE.match(line)), "")
        return "error", head[:1000]
    if match.re is UNPREFIXED:
        return _kind("panic", SUFFIX.sub("", match["message"]))
    return _kind(match["kind"].partition(" serving")[0], SUFFIX.sub("", match["message"]).strip())


def _kind(kind: str, message: str) -> tuple[str, str]:
    runtime_error = RUNTIME.match(message)
    return (runtime_error["type"], runtime_error["rest"]) if runtime_error else (kind, message)
