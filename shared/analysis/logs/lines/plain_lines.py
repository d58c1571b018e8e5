"""Lines of which no part is one of a stack trace, wherever it is taken to start: most lines."""

import re

from shared.analysis.logs.lines.prefixes import AT_FRAME
from shared.analysis.logs.lines.trace_lines import MAX_LINE, WORDS_OF_TRACES
from shared.analysis.logs.lines.word_search import WordSearch

OTHER_WORDS = frozenset((" at ", "\tat ", "at ", "#0 ", "#", "::", ".ru:", ".s:", ".erl, ", ": 0x", "  0x"))
"""Each frame that holds no other of WORDS_OF_TRACES holds one of them; so do many other lines."""
LOOSE_FRAME = re.compile(
    rf"{AT_FRAME}|#\d+ [/{{\[]|\d: [\w<][\w<>:, $\[\]]{{0,200}}::|\d: +0x[0-9a-f]|\.(?:ru|s):\d|\.erl, line \d"
)
"""Each of those frames, and a little more."""
_SIGNS = WordSearch((*WORDS_OF_TRACES, *OTHER_WORDS))
_ENDS_OF_PREFIXES = "-:|>"


def is_plain(text: str, header: int) -> bool:
    """
    Return whether no part of a line, which has a header of so many characters, can be one of a trace.

    After a prefix there is still a word of it. A line of which this is not certain may be plain as well.
    """
    words = text[header:].strip()
    if not words or words[0] == "/" or words[-1] in _ENDS_OF_PREFIXES or words.isdecimal():
        return False
    return len(text) <= MAX_LINE and "\n" not in text and _shows_no_frame(text)


def _shows_no_frame(text: str) -> bool:
    signs = _SIGNS.words_in(text)
    return not signs or (OTHER_WORDS.issuperset(signs) and LOOSE_FRAME.search(text) is None)
