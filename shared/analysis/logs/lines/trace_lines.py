"""What the lines of stack traces look like, by which a trace that was split into lines is put together again."""

import re

from shared.analysis.logs.lines.word_search import WordSearch

MAX_LINE = 1000
MAX_HEAD = 300
"""So much of a line is read: logs are untrusted, and a pattern may take long on a very long line."""

PYTHON_START = re.compile(
    r"^(?P<prefix>.{0,120}?)(?:(?:\+ )?Exception Group )?Traceback \(most recent call last\):\s*$"
)
PYTHON_WORD = "Traceback"
CONNECTOR = re.compile(r"During handling of the above exception|The above exception was the direct cause")
CONTINUES = re.compile(
    r"^(?:[ \t]+\S|at \S+\(|Caused by:|Suppressed: |Wrapped by: |\.\.\. \d+ (?:more|common)|File \""
    r"|\[Previous line repeated|During handling of the above|The above exception was|Current thread 0x|Thread 0x"
    r"|goroutine \d+ \[|created by |\[signal |exit status \d|--- End of |/\S+\.go:\d+ \(0x"
    r"|(?:\[[\w.:-]{1,64}\] ?)*[^\s:]+\.(?:rb|erb|rake|ru):\d+(?::in |$)|Information for |#\d+ [/{\[]"
    r"|PHP +\d+\. |(?:PHP )?Stack trace:$|\[stacktrace\]|\[previous exception\]|Next [\w\\]+: "
    r"|\[c\] |[Ss]tack backtrace:"
    r"|\*\* |Last message|State: |Error in process |[}\]\"]+[,;)]*\s?[}\]]*$|Node\.js v\d|-{10,}$)"
)
GO_START = re.compile(
    r"(?:^|[-:|>\]] +)(?:panic: |fatal error: )|^goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\["
    r"|panic serving |Observed a panic",
    re.MULTILINE,
)
GO_WORDS = ("panic", "fatal error", "goroutine")
"""Each start of a Go trace holds one of them."""
GO_FUNCTION = re.compile(r"(?:^|[-:|>\]] +)[\w./@-]+\.(?:\(\*?\w+(?:\[\.\.\.\])?\)\.)?[\w.]+$")
"""What stands before the first frame of a stack that an error of Go carries."""
GO_FRAME = re.compile(r"^[\w./*()\-\[\]{}%·]+\(.*\)$|^[\w./\-]+\.[\w.()*]+$")
GO_PLACE = re.compile(r"\s*/\S+\.go:\d")
RUST_WORD = "panicked at "
RUST_GOES_ON = ("stack backtrace:", "note: ")
ANNOUNCES = re.compile(
    r"(?:Error|[Ee]xception|Failure)\b|Stack overflow|[Pp]anic|FATAL|[Ff]atal |Uncaught |\bterminat(?:ing|ed)\b"
    r"|REPORT====|\*\* \(|^/\S+:\d+$"
)
"""A line that a trace may follow, after more lines of the message."""
BANNER = re.compile(r"^(?:file://)?/\S+:\d+$")
"""Where the source stands that Node prints above an error."""
RAISED = re.compile(r"^(?:Uncaught )?(?:[\w$]+\.)*[A-Z]\w*(?: \[\w+\])?(?:: |$)")
OF_TRACE = re.compile(
    r"\s*(?:\| |\+-|\[+\{|\{\w+,|\[errors\]|at \S|\.\.\. \d+ |\d+: +\S|Caused by:|Suppressed: |Wrapped by: |---> "
    r"|--- End of |\[cause\]: |[~^]+\s*$|File \"|#\d+ |\*\* |thrown in |created by |\[stacktrace\]|stack backtrace:"
    r"|The above exc|During hand|\S+\.(?:rb|exs?|erl|go):\d+|from \S+:\d+:in"
    r"|$|\(\w+ [\d.]+\) |in (?:function|call from) |[\w./*()-]+\(.*\)$|[\w./-]+\.[\w.()*]+$|[}\]\"]+[,;)]*$)"
)
WORDS_OF_TRACES = (
    *(" at ", "\tat ", 'File "', ".rb:", ".rake:", ".erb:", ".go:", ".ex:", ".exs:", ".erl:", ".php", ".rs:", "#0 "),
    *(
        "goroutine",
        "** ",
        "[{",
        "anic",
        "atal ",
        "FATAL",
        "rror",
        "xception",
        "ailure",
        "Uncaught",
        "terminat",
        "REPORT",
    ),
    *("tack trace", "tack backtrace", "[stacktrace", "overflow", "aused by", "Suppressed", "Wrapped by", "created by"),
    *("exit status", "---", "[previous", "[Previous", "Next ", "Last message", "State: ", "Node.js", "..."),
    *("Information for ", "Thread 0x", "[c] ", "PHP ", "raceback"),
)
"""Each line that starts a trace, or goes on with one after a line that does not, holds one of them."""
_SIGNS = WordSearch(WORDS_OF_TRACES)
MARGIN = re.compile(r"^\s*(?:\| ?)+")
MEMBER = re.compile(r"^[\s|]*\+-[+-]*-+ (?:\d+|\.\.\.) -+")
GROUP_ENDS = re.compile(r"^[\s|]*\+-{20,}$")


def is_quiet(text: str) -> bool:
    """Return whether a line shows no sign of a trace."""
    if " " not in text or text[0].isspace() or text[0] in '}]"' or text.startswith("at "):
        return False
    return not _SIGNS.words_in(text)


def is_of_trace(text: str) -> bool:
    """Return whether a line without a header is likelier a part of a trace than of the ordinary line before it."""
    return OF_TRACE.match(text) is not None or (not text[:1].isspace() and CONTINUES.match(text) is not None)


def announces(text: str) -> bool:
    """Return whether a trace may follow the line."""
    return ANNOUNCES.search(text, 0, MAX_HEAD) is not None


def is_go_function(text: str) -> bool:
    """Return whether a line names a function alone, as errors of Go do above the place."""
    if len(text) > MAX_HEAD or "." not in text.rpartition(" ")[2]:
        return False
    return GO_FUNCTION.search(text) is not None


def starts_go(text: str) -> bool:
    """Return whether a stack of Go starts with the line."""
    # The plain search is ten times as fast, and most lines hold none of the words.
    return any(word in text for word in GO_WORDS) and bool(GO_START.search(text))


def python_start(text: str) -> re.Match[str] | None:
    """Return the match of a line with which a Python trace starts."""
    return PYTHON_START.match(text) if PYTHON_WORD in text else None
