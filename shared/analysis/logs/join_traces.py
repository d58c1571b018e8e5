"""Joins stack traces that the log shipper split over several entries.

Only entries of one source are joined, so pods that write at once are kept separate; within a source, a line with its
own header (another thread) may come between the parts without ending an unfinished Python trace.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from shared.analysis.logs.levels import Level
from shared.analysis.logs.parse import CLOCK, LogEntry, Source, first_line

# Parts of one trace are written within milliseconds; two seconds allow for a slow shipper.
MAX_GAP = timedelta(seconds=2)
MAX_TRACE_ENTRIES = 400
RANK: dict[Level, int] = {"unknown": 0, "debug": 1, "info": 2, "warning": 3, "error": 4, "fatal": 5}

PYTHON_START = re.compile(r"^(?P<prefix>.{0,120}?)(?:\+ Exception Group )?Traceback \(most recent call last\):\s*$")
PYTHON_WORD = "Traceback"
CONNECTOR = re.compile(r"During handling of the above exception|The above exception was the direct cause")
CONTINUES = re.compile(
    r"^(?:[ \t]+\S|at \S+\(|Caused by: |Suppressed: |Wrapped by: |\.\.\. \d+ (?:more|common)|File \""
    r"|\[Previous line repeated|During handling of the above|The above exception was"
    r"|goroutine \d+ \[|created by |\[signal |exit status \d|--- End of "
    r"|(?:\[[\w.:-]{1,64}\] ?)*[^\s:]+\.(?:rb|erb|rake|ru):\d+:in |#\d+ [/{\[]|Stack trace:$)"
)
GO_START = re.compile(r"^(?:panic: |fatal error: )|^goroutine \d+ \[|panic serving ", re.MULTILINE)
GO_WORDS = ("panic", "fatal error", "goroutine")
"""Each start of a Go trace holds one of them."""
GO_FRAME = re.compile(r"^[\w./*()\-\[\]{}%·]+\(.*\)$|^[\w./\-]+\.[\w.()*]+$")
RUST_WORD = "panicked at "
RUST_GOES_ON = ("stack backtrace:", "note: ")
DIGITS = re.compile(r"\d+")


@dataclass(slots=True)
class _Block:
    """
    Entries that are read as one; `prefix` starts every line of a Python trace, digits masked.

    A `closed` block is followed by another of its source: nothing can continue it.
    """

    parts: list[LogEntry]
    closed: bool = False
    python: bool = False
    finished: bool = True
    go: bool = False
    rust: bool = False
    prefix: str = ""
    blanks: list[LogEntry] = field(default_factory=list)

    def take(self, entry: LogEntry) -> None:
        self.parts.extend(self.blanks)
        self.blanks.clear()
        self.parts.append(entry)


def assemble(entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
    """
    Yield the entries with split traces joined, in the order of their first part; `entries` come oldest first.

    Only entries of the last MAX_GAP are held: what is older can no longer be continued.
    """
    waiting: deque[_Block] = deque()
    open_blocks: dict[Source, _Block] = {}
    for entry in entries:
        block = open_blocks.get(entry.source)
        if block is not None and _is_near(block, entry) and _joins(block, entry):
            continue
        if block is not None and not block.finished and _is_near(block, entry) and _has_header(entry):
            waiting.append(_Block([entry], closed=True))
        else:
            if block is not None:
                block.closed = True
            started = _start(entry)
            waiting.append(started)
            open_blocks[entry.source] = started
        while waiting and (waiting[0].closed or not _is_near(waiting[0], entry)):
            yield _joined(waiting.popleft())
    yield from map(_joined, waiting)


def _is_near(block: _Block, entry: LogEntry) -> bool:
    return entry.at - block.parts[-1].at <= MAX_GAP and len(block.parts) < MAX_TRACE_ENTRIES


def _has_header(entry: LogEntry) -> bool:
    return bool(CLOCK.match(entry.text))


def _start(entry: LogEntry) -> _Block:
    block = _Block([entry])
    if "\n" in entry.text.rstrip():
        return block
    block.go = _starts_go(entry.text)
    block.rust = RUST_WORD in entry.text
    _note_python_start(block, entry.text)
    return block


def _starts_go(text: str) -> bool:
    # The plain search is ten times as fast, and most lines hold none of the words.
    return any(word in text for word in GO_WORDS) and bool(GO_START.search(text))


def _python_start(text: str) -> re.Match[str] | None:
    return PYTHON_START.match(text) if PYTHON_WORD in text else None


def _note_python_start(block: _Block, text: str) -> bool:
    match = _python_start(text)
    if not match:
        return False
    block.python, block.finished, block.prefix = True, False, DIGITS.sub("0", match["prefix"].rstrip(" +|"))
    return True


def _joins(block: _Block, entry: LogEntry) -> bool:
    """Add the entry to the block when it continues the block; return whether it does."""
    text = _without_prefix(block, entry.text)
    if not text.strip():
        block.blanks.append(entry)
        return True
    if _python_start(text):
        return _joins_python_start(block, entry)
    if "\n" in text.rstrip() and not block.python:
        return False
    if CONTINUES.match(text) or (block.go and GO_FRAME.match(text)):
        block.take(entry)
        block.go = block.go or _starts_go(text)
        block.finished = block.finished and not CONNECTOR.search(text)
        return True
    if block.rust and not _has_header(entry) and (len(block.parts) == 1 or text.startswith(RUST_GOES_ON)):
        # The line after the place of a panic is its message.
        block.take(entry)
        return True
    if block.python and not block.finished and (block.prefix or not _has_header(entry)):
        block.take(entry)
        block.finished = not text.lstrip(" |+").startswith("File ")
        return True
    return False


def _joins_python_start(block: _Block, entry: LogEntry) -> bool:
    """Join the start of a trace to the error line right before it, or to the exception it follows."""
    follows = bool(CONNECTOR.search(block.parts[-1].text)) or (block.python and not block.finished)
    introduced = len(block.parts) == 1 and not block.python and RANK[block.parts[0].level] >= RANK["warning"]
    if not (follows or introduced):
        return False
    block.take(entry)
    _note_python_start(block, entry.text)
    return True


def _without_prefix(block: _Block, text: str) -> str:
    """Strip the prefix of every line of the trace, as oslo.log writes it (`… TRACE nova.api   File "…`)."""
    if not block.prefix:
        return text
    return _after_masked_prefix(text, block.prefix)


def _after_masked_prefix(text: str, prefix: str) -> str:
    """Return the text after the part that, with its digits masked, is the prefix."""
    for end in range(len(prefix), min(len(text), len(prefix) * 3) + 1):
        if DIGITS.sub("0", text[:end]) == prefix:
            return text[end:].removeprefix(" ")
    return text


def _joined(block: _Block) -> LogEntry:
    if len(block.parts) == 1:
        return block.parts[0]
    head = block.parts[0]
    text = "\n".join(part.text.rstrip("\n") for part in block.parts)
    level = max((part.level for part in block.parts), key=lambda level: RANK[level])
    return LogEntry(head.at, level, text, first_line(text), head.source, head.service, len(block.parts))
