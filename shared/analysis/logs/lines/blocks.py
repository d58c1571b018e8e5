"""Log entries while they are joined: a line with its header, and a block of those that are read as one entry."""

import re
from dataclasses import dataclass, field

from shared.analysis.logs.levels import Level
from shared.analysis.logs.lines import prefixes
from shared.analysis.logs.parse import LogEntry

ORDINARY: tuple[Level, ...] = ("info", "debug")
BANNER_STARTS = ("/", "file:/")


@dataclass(slots=True, eq=False)
class Line:
    """An entry and the header of its first line."""

    entry: LogEntry
    header: str
    _tag: str | None = None

    @property
    def tag(self) -> str:
        """What of the header is the same in all lines of a thread or request; most are never compared by it."""
        if self._tag is None:
            self._tag = prefixes.tag(self.header) if self.header else ""
        return self._tag

    @property
    def is_ordinary(self) -> bool:
        """Whether its level reports no trouble."""
        return self.entry.level in ORDINARY


@dataclass(slots=True, eq=False)
class Block:
    """
    Entries that are read as one; `line` is the first, and `indent` that of the frames of its Python trace.

    A `quiet` block is a line without a sign of a trace, and a `closed` one can no longer be continued. `prefix` starts
    every line of its trace. `held` are blocks of lines that follow one which announces a trace: they are parts of its
    message if a frame follows, else entries of their own. `is_interleaved` once a part without a header came after a
    line of another thread: such a part may as well belong to that line.
    """

    parts: list[LogEntry]
    line: Line | None = None
    quiet: bool = False
    closed: bool = False
    python: bool = False
    finished: bool = True
    indent: int = 0
    go: bool = False
    rust: bool = False
    announces: bool = False
    has_frames: bool = False
    is_interleaved: bool = False
    prefix: re.Pattern[str] | None = None
    blanks: list[LogEntry] = field(default_factory=list)
    held: list["Block"] = field(default_factory=list)

    def take(self, entry: LogEntry) -> None:
        """Add an entry, and before it what was held."""
        for one in self.held:
            self.parts.extend(one.parts)
            one.parts, one.closed = [], True
        self.held.clear()
        self.parts.extend(self.blanks)
        self.blanks.clear()
        self.parts.append(entry)

    def close(self) -> None:
        """Let nothing continue it."""
        self.closed = True
        for one in self.held:
            one.closed = True

    @property
    def tag(self) -> str:
        """The tag of its first line."""
        return self.line.tag if self.line else ""

    @property
    def is_ordinary(self) -> bool:
        """Whether it is a line that no trace follows."""
        is_plain = self.finished and not (self.go or self.rust or self.announces)
        return is_plain and len(self.parts) == 1 and bool(self.tag) and self.parts[0].level in ORDINARY

    @property
    def is_trace(self) -> bool:
        """Whether it holds frames, or a part of a trace that is not at its end."""
        return self.has_frames or not self.finished

    @property
    def expects_more(self) -> bool:
        """Whether lines that are no frames may continue it."""
        return self.is_trace or self.announces or self.go or self.rust

    @property
    def is_calm(self) -> bool:
        """Whether nothing in it leads to expect a trace, so that only a line which looks like a part of one is."""
        return not self.expects_more and self.prefix is None and not self.parts[0].text.startswith(BANNER_STARTS)
