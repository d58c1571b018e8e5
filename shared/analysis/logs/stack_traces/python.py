"""Python tracebacks: chains, exception groups, SyntaxError, 3.11 carets, headers missing or after a logger's prefix.

Which exception of a chain is chosen:
- "direct cause" (`raise A from B`): the author says that B is the cause, so B, if the service's own code led to it;
- "During handling of B, A occurred": this does not make B the cause. B was being handled, often on purpose (a KeyError
  tried for a default); A was not handled. So A, unless only B has the service's own code on its stack;
- exception groups: the first member with own code.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.analysis.logs.stack_traces.parsed import (
    UNKNOWN_TYPE,
    ParsedTrace,
    Raised,
    TraceFrame,
    explaining_exception,
    frame,
    owned,
)

Link = Literal["new", "context", "cause", "member"]

HEADER = re.compile(
    r"^(?P<prefix>.*?)(?:(?:\+ )?Exception Group )?Traceback \(most recent call last\):\s*$", re.MULTILINE
)
FILE = re.compile(r'^(?P<indent>\s*)File "(?P<path>[^"]+)", line (?P<line>\d+)(?:,? in (?P<function>.+?))?\s*$')
RAISED = re.compile(r"^\s*(?P<type>[A-Za-z_][\w.]*(?:\.<locals>\.[\w.]+)*)(?::\s?(?P<message>.*))?$")
LIKELY_TYPE = re.compile(
    r"(?:Error|Exception|Warning|Exit|Interrupt|Fault|Failure|Timeout|Iteration|Abort)\w*$|\.[A-Z]\w*$"
)
MARGIN = re.compile(r"^\s*(?:\| ?|\+ (?=Exception Group))")
MEMBER = re.compile(r"^\s*\+-[+-]*-+ (?:\d+|\.\.\.) -+|^\s*\+-{20,}")
CARETS = re.compile(r"^\s*[~^]+[~^\s]*$")
CONTEXT = "During handling of the above exception, another exception occurred"
CAUSE = "The above exception was the direct cause of the following exception"
# What faulthandler prints when the process dies: https://docs.python.org/3/library/faulthandler.html
FATAL = re.compile(r"Fatal Python error: (?P<message>[^\n]*)")
CURRENT_THREAD = "(most recent call first):"
DIGITS = re.compile(r"\d")


@dataclass
class _Part:
    """One exception of the text while it is read."""

    link: Link
    frames: list[TraceFrame] = field(default_factory=list)
    indent: int | None = None
    type: str = ""
    message: str = ""

    @property
    def is_complete(self) -> bool:
        return bool(self.type)

    @property
    def has_content(self) -> bool:
        return bool(self.frames or self.type)

    def raised(self) -> Raised:
        return Raised(self.type or UNKNOWN_TYPE, self.message, tuple(self.frames))


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """Return the traces of the text in their order; a trace without an exception line is kept as `unknown`."""
    lines = _without_prefix(text)
    if (fatal := FATAL.search(text)) and (frames := _dumped(lines)):
        return [
            ParsedTrace("python", owned(Raised("Fatal Python error", fatal["message"], frames), "python", own_names))
        ]
    chains: list[list[_Part]] = []
    for part in _parts(lines):
        if not part.frames and not (chains and part.link != "new"):
            continue
        if part.link == "new" or not chains:
            chains.append([])
        chains[-1].append(part)
    return [_choose(chain, own_names) for chain in chains]


def _dumped(lines: list[str]) -> tuple[TraceFrame, ...]:
    """Return the frames of the first stack that faulthandler dumped: that of the thread which failed."""
    frames: list[TraceFrame] = []
    first = next((at for at, line in enumerate(lines) if line.rstrip().endswith(CURRENT_THREAD)), len(lines))
    for line in lines[first + 1 :]:
        match = FILE.match(line)
        if not match:
            break
        frames.insert(0, frame(match["path"], int(match["line"]), match["function"] or ""))
    return tuple(frames)


def _without_prefix(text: str) -> list[str]:
    """Strip the prefix of every line: a quote mark, or a logger's header that oslo.log repeats per line."""
    lines = text.splitlines()
    header = HEADER.search(text)
    prefix = header["prefix"] if header else ""
    if not prefix.strip() or MARGIN.match(prefix + "+ "):
        return lines
    masked, size = DIGITS.sub("0", prefix), len(prefix)
    return [line[size:] if DIGITS.sub("0", line[:size]) == masked else line for line in lines]


def _parts(lines: list[str]) -> Iterator[_Part]:
    part = _Part("new")
    for index, raw in enumerate(lines):
        link = _link(raw, part)
        line = MARGIN.sub("", raw) if MARGIN.match(raw) else raw
        if link is not None:
            if part.has_content:
                yield part
            part = _Part(link)
        elif "Traceback (most recent call last):" in line:
            if part.is_complete:
                yield part
                part = _Part("new")
        else:
            _read(part, line, lines[index + 1] if index + 1 < len(lines) else "")
    if part.has_content:
        yield part


def _link(line: str, part: _Part) -> Link | None:
    if CONTEXT in line:
        return "context"
    if CAUSE in line:
        return "cause"
    if MEMBER.match(line) and part.has_content:
        return "member"
    return None


def _read(part: _Part, line: str, following: str) -> None:
    match = FILE.match(line)
    if match and part.is_complete:
        return
    if match:
        part.indent = len(match["indent"]) if part.indent is None else part.indent
        part.frames.append(frame(match["path"], int(match["line"]), match["function"] or ""))
    elif part.frames and not part.is_complete:
        _read_inside(part, line, following)


def _read_inside(part: _Part, line: str, following: str) -> None:
    """Read a line after a frame: its source, or the exception that ends the trace."""
    if not line.strip() or CARETS.match(line):
        return
    raised = RAISED.match(line)
    if raised and _ends_trace(part, line, raised["type"], following):
        part.type, part.message = raised["type"], (raised["message"] or "").strip()
    elif not part.frames[-1].code:
        part.frames[-1] = part.frames[-1]._replace(code=line.strip())


def _ends_trace(part: _Part, line: str, name: str, following: str) -> bool:
    indent = len(line) - len(line.lstrip())
    if part.indent:
        return indent < part.indent
    # Indentation was lost in transit: only a line named like an exception, not followed by more trace, ends it.
    return bool(LIKELY_TYPE.search(name)) and not FILE.match(following) and not CARETS.match(following)


def _choose(chain: list[_Part], own_names: Sequence[str]) -> ParsedTrace:
    exceptions = [owned(part.raised(), "python", own_names) for part in chain]
    links = [part.link for part in chain]
    chosen = _chosen(exceptions, links)
    others = tuple(one for one in exceptions if one is not chosen)
    return ParsedTrace("python", chosen, others)


def _chosen(exceptions: list[Raised], links: list[Link]) -> Raised:
    if "member" in links:
        members = [one for one, link in zip(exceptions, links, strict=True) if link == "member"]
        # A group within the group says no more than the one around it.
        members.sort(key=lambda one: one.type.endswith("ExceptionGroup"))
        return next((one for one in members if one.has_app_frame), exceptions[0])
    # Walk from the unhandled exception down through explicit causes only.
    chain = [exceptions[-1]]
    for one, link in zip(reversed(exceptions[:-1]), reversed(links[1:]), strict=True):
        if link != "cause":
            break
        chain.append(one)
    chosen = explaining_exception(chain)
    if chosen.has_app_frame:
        return chosen
    return next((one for one in reversed(exceptions) if one.has_app_frame), chosen)
