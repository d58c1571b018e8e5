"""Java and Kotlin stack traces: Caused by, Suppressed, `... n more`, module prefixes, root-cause-first output."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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
    r"^(?P<indent>\s*)at (?:[\w.@-]*/)*(?P<class>[\w$.<>-]+(?:/0x[0-9a-f]+)?)\.(?P<method>[\w$<>-]+)"
    r"\((?P<place>Native Method|Unknown Source|<generated>|[\w$.-]*(?::\d+)?)(?:\)|$)"
)
# Kotlin marks where a coroutine was resumed with a frame that names no class.
NO_FRAME = re.compile(r"^\s+at \S")
MORE = re.compile(r"^\s*\.\.\. (?P<count>\d+) (?:more|common frames omitted)")
SECTION = re.compile(r"^(?P<indent>\s*)(?P<kind>Caused by|Suppressed|Wrapped by): (?P<rest>.*)$")
NAME = r"(?:[a-zA-Z_][\w$]*\.)+[A-Z][\w$]*"
HEAD = re.compile(rf"^(?:Exception in thread \"[^\"]*\" )?(?P<type>{NAME})(?::\s*(?P<message>.*))?\s*$")
HEAD_INSIDE = re.compile(
    rf"(?:^|[\s:;\]])(?P<type>{NAME}(?:Exception|Error|Throwable)[\w$]*)(?::\s*(?P<message>.*))?\s*$"
)
MAX_MESSAGE_LINES = 20


@dataclass
class _Part:
    """One exception of the text while it is read, its frames innermost first as they are printed."""

    kind: str
    type: str
    message: str
    frames: list[TraceFrame] = field(default_factory=list)
    omitted: int = 0

    def raised(self) -> Raised:
        return Raised(self.type, self.message, tuple(reversed(self.frames)))


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the traces of the text in their order."""
    chains: list[list[_Part]] = []
    before: list[str] = []
    for line in text.splitlines():
        if match := SECTION.match(line):
            _open_section(chains, match)
        elif match := AT.match(line):
            if before or not chains:
                chains.append([_head(before)])
            chains[-1][-1].frames.append(_frame(match))
        elif (match := MORE.match(line)) and chains:
            chains[-1][-1].omitted = int(match["count"])
        elif not (chains and NO_FRAME.match(line)):
            before.append(line)
            continue
        before = []
    return [_choose(chain, own_names) for chain in chains if any(part.frames for part in chain)]


def _open_section(chains: list[list[_Part]], section: re.Match[str]) -> None:
    kind = section["kind"]
    if kind == "Caused by" and section["indent"] and chains and chains[-1][-1].kind == "Suppressed":
        kind = "Suppressed"
    head = HEAD.match(section["rest"]) or HEAD_INSIDE.search(section["rest"])
    part = _Part(kind, head["type"], head["message"] or "") if head else _Part(kind, section["rest"][:300], "")
    if chains:
        chains[-1].append(part)
    else:
        chains.append([part])


def _head(before: list[str]) -> _Part:
    """Find the exception in the lines above its first frame; a message may span lines."""
    for index in range(len(before) - 1, max(len(before) - 1 - MAX_MESSAGE_LINES, -1), -1):
        match = HEAD.match(before[index].strip()) or HEAD_INSIDE.search(before[index])
        if match:
            return _Part("", match["type"], " ".join([match["message"] or "", *before[index + 1 :]]).strip())
    return _Part("", UNKNOWN_TYPE, before[-1].strip() if before else "")


def _frame(match: re.Match[str]) -> TraceFrame:
    """Name the file by package and source file, as it is stored in a repository."""
    package, _, class_name = match["class"].rpartition(".")
    source, _, line = match["place"].partition(":")
    file = source if "." in source else class_name.partition("$")[0] + ".java"
    path = f"{package.replace('.', '/')}/{file}" if package else file
    return frame(path, int(line) if line.isdigit() else None, f"{match['class']}.{match['method']}")


def _choose(chain: list[_Part], own_names: Sequence[str]) -> ParsedTrace:
    for wrapper, cause in pairwise(part for part in chain if part.kind != "Suppressed"):
        if cause.kind == "Caused by" and cause.omitted:
            # `... n more`: the n outermost frames are those of the enclosing trace.
            cause.frames.extend(wrapper.frames[-cause.omitted :])
    exceptions = [(part.kind, owned(part.raised(), "java", own_names)) for part in chain]
    # Of a trace whose start is lost, only what was suppressed may be left.
    causes = [one for kind, one in exceptions if kind != "Suppressed"] or [one for _, one in exceptions]
    if any(kind == "Wrapped by" for kind, _ in exceptions):
        causes.reverse()
    chosen = explaining_exception(causes)
    return ParsedTrace("java", chosen, tuple(one for _, one in exceptions if one is not chosen))
