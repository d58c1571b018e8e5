"""What a logger or a shipper repeats before each line of a stack trace: its time, level, thread or request."""

import re
from functools import lru_cache

from shared.analysis.logs.parse import CLOCK

_LEVEL = r"(?:FATAL|CRITICAL|CRIT|EMERG|PANIC|SEVERE|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE)\b"
HEADER = re.compile(
    rf"(?:{CLOCK.pattern.removeprefix('^')}"
    r"|[DIWEFA], \[\S+ #\d+\] +[A-Z]+ -- [^:\n]{0,60}: "  # Ruby's logger
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ (?:[\w.-]+:\d+\] )?"  # klog
    rf"|{_LEVEL}:?[^\S\n]*|\[(?:[\w.:@#/|+-]*\d[\w.:@#/|+-]*|(?i:{_LEVEL}))\][^\S\n]?"
    r"|(?<=\d )[\w.-]+ [\w./-]+\[\d+\]: ?"  # syslog's host and program
    r"|\w+=[^\s\"]+ )+"
)
"""The fields at the start of a line that tell when, how badly, and in which thread or request it was written."""
MAX_HEADER = 300
AT_FRAME = (
    r"at (?:async )?[\w$.<>`/@-]+(?:[./:](?!\d\d:)|\()\S"
    r"|at (?:[\w$.<>#\[\] ]{1,120} )?\(?(?:file:|node:|webpack|https?:|[A-Za-z]:\\|\.?/|<anonymous>|native\))"
)
FRAME = re.compile(
    r"(?:(?<=[\]:|>-] )|(?<=[\]:|])|(?<=\s)|^)(?P<frame>[^\S\n]*(?:"
    r"File \"[^\"\n]+\", line \d|Traceback \(most recent call last\)|(?:\+ )?Exception Group Traceback"
    rf"|{AT_FRAME}"
    r"|(?:from )?[\w./-]+\.(?:rb|erb|rake|ru):\d+:in [`']"
    r"|#\d+ (?:/|\[internal function\]|\{main\})"
    r"|goroutine \d+ (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[|/[^\s:|\]]+\.(?:go|s):\d+"
    r"|\d+: +0x[0-9a-f]+ - |\d+: [\w<][\w<>:, $\[\]]{0,200}::"
    r"|(?:\([\w.]+(?: [\d.]+[^\s)]*)?\) )?[^\s:|\]]+\.(?:exs?|erl):\d+: "
    r"|in (?:function|call from) +\S+ \(\S+\.erl, line \d|(?:\*\* )?[{\[]+\S{0,100}\[\{file,))"
)
"""The first frame that a line holds; what stands before it on the line is a logger's."""
OF_TRACE = re.compile(
    FRAME.pattern[:-2]
    + r"|panic: |fatal error: |thread '|\*\* [({A-Z]|(?:[Ss]tack backtrace|Stack trace):$|\[stacktrace\]"
    r"|note: run with |Caused by: |Exception in thread |--- End of |=[A-Z]+ REPORT====|PHP Fatal error: ))"
)
"""The first part of a line that only a trace has."""
WORD = re.compile(r"[\w.@#/|+=-]+")
TIME = re.compile(CLOCK.pattern.removeprefix("^"))
DIGITS = re.compile(r"\d+")
GAP = re.compile(r".*[-:|>](?=\s|$)")
"""The rest of a prefix: the process, the thread, the logger."""
MAX_GAP = 120
"""So long may the rest of a prefix be: the logger, the process."""
MAX_CANDIDATES = 4
MIN_LINES = 2
"""What only one line begins with is no prefix."""


def header_end(text: str) -> int:
    """Return how long the header of the first line is; 0 without one."""
    match = HEADER.match(text, 0, MAX_HEADER)
    return match.end() if match else 0


def tag(header: str) -> str:
    """Return what of a header is the same in all lines of one thread or request."""
    return " ".join(WORD.findall(TIME.sub(" ", header)))


def frame_start(line: str) -> int:
    """Return where the first frame of a line starts; -1 without one."""
    match = FRAME.search(line, 0, MAX_HEADER * 2)
    return match.start("frame") if match else -1


def is_frame(text: str) -> bool:
    """Return whether a line is a frame of a stack trace."""
    return FRAME.match(text) is not None


def prefix_of(line: str) -> str:
    """Return what a logger writes on a line before a part of a trace; an empty text where it writes nothing."""
    end = header_end(line)
    part = OF_TRACE.search(line, end, MAX_HEADER * 2) if end else None
    if part is None:
        return ""
    gap = line[end : part.start("frame")].rstrip()
    is_loggers = not gap or (len(gap) <= MAX_GAP and gap[-1] in "-:|]>")
    return line[: part.start("frame")].strip(" \t") if is_loggers else ""


def common_prefix(first: str, second: str, header: str) -> str:
    """Return what two lines of one thread begin with: the header of the second, and the logger's name after it."""
    rest, other = first[header_end(first) :][:MAX_GAP], second[len(header) :][:MAX_GAP]
    same = next(
        (at for at, pair in enumerate(zip(rest, other, strict=False)) if pair[0] != pair[1]), min(len(rest), len(other))
    )
    gap = GAP.match(other[: same + 1])
    return (header + gap[0] if gap else header).strip(" \t")


def pattern_of(prefix: str) -> re.Pattern[str]:
    """Return what the prefix looks like in other lines: numbers differ, and the space at its end may be cut."""
    return _pattern(DIGITS.sub("0", prefix))


@lru_cache(maxsize=256)
def _pattern(masked: str) -> re.Pattern[str]:
    return re.compile(r"\d+".join(re.escape(part) for part in masked.split("0")) + r"(?:[ \t]|$|(?=\S))")


def without_prefixes(text: str) -> str:
    """Return the text of several lines without what stands before the frames of its trace, if lines repeat that."""
    lines = text.split("\n")
    candidates = dict.fromkeys(prefix for line in lines if (prefix := prefix_of(line)))
    for prefix in list(candidates)[:MAX_CANDIDATES]:
        starts = pattern_of(prefix)
        matches = [starts.match(line) for line in lines]
        if sum(match is not None for match in matches) >= MIN_LINES:
            return "\n".join(line[match.end() :] if match else line for line, match in zip(lines, matches, strict=True))
    return text
