"""
Whether a stack trace may be text that somebody sent to the service.

A value with line ends in it, logged as it came, looks like entries of the service: only the quote that opened before
it, or the level of the entry it stands in, shows it.
"""

import re
from collections import deque
from datetime import timedelta

from shared.analysis.logs.levels import Level
from shared.analysis.logs.lines.prefixes import header_end
from shared.analysis.logs.parse import CLOCK, LogEntry, Source
from shared.analysis.logs.stack_traces import trace_start

OPENS = re.compile(
    r"(?:^|[\s(\[{,]|(?<!['\"]):|=(?=['`])|(?<!\w)=)(?P<quote>['\"`\u201c\u2018\u00ab])(?=\S|[ \t]*(?:\n|$))"
)
"""
A quote before a word; one within or after a word is an apostrophe. A logger writes its own fields as name="…" or
"name":"…".
"""
CLOSES = {"`": "`'", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
"""Where it is another one; Ruby, and many of its age, write `name'."""
OWN_WORDS = re.compile(
    r"(?:(?:NOTICE: )?(?:PHP message: )?(?:PHP )?(?:Fatal|Parse|Compile|Core|Recoverable fatal)"
    r"|thread '[^'\n]*' (?:\(\d+\) )?|<[\d.]+>\S* ?)?"
)
"""What a runtime itself writes between the header of a line and its exception."""
ORDINARY: tuple[Level, ...] = ("info", "debug")
NEAR = timedelta(milliseconds=100)
LINES = 40
"""Lines of one write come at once, and few of them before the trace."""
MAX_CHARS = 20_000
MAX_SOURCES = 1000


def open_quote(text: str) -> str:
    """Return the quote that opens a value in the text and is not closed in it; an empty text without one."""
    position = 0
    while match := OPENS.search(text, position):
        closes = CLOSES.get(match["quote"], match["quote"])
        end = next((at for at in range(match.end(), len(text)) if text[at] in closes), -1)
        if end < 0:
            return match["quote"]
        position = end + 1
    return ""


class ForgedTraces:
    """Follows the entries of each source, oldest first, and says which stand inside a value that one before opened."""

    def __init__(self) -> None:
        self._latest: dict[Source, deque[LogEntry]] = {}

    def note(self, entry: LogEntry) -> None:
        """Take the next entry; most are never looked at again."""
        latest = self._latest.get(entry.source)
        if latest is None:
            if len(self._latest) >= MAX_SOURCES:
                self._latest.clear()
            latest = self._latest[entry.source] = deque(maxlen=LINES)
        latest.append(entry)

    def is_doubtful(self, entry: LogEntry) -> bool:
        """Return whether a trace in this entry, which was noted last, may be somebody's text."""
        if entry.level in ORDINARY or entry.is_interleaved:
            return True
        head = entry.text[: trace_start(entry.text)]
        if "\n" not in entry.text and not OWN_WORDS.fullmatch(head, header_end(head)):
            return True  # on one line, a value needs no line end to look so
        if any(CLOCK.match(line) for line in head.split("\n")[1:-1]):
            return True  # an entry within an entry
        before = [one.text for one in self._latest[entry.source] if one is not entry and entry.at - one.at <= NEAR]
        return bool(open_quote("\n".join([*before, head])[-MAX_CHARS:]))
