"""The LogQL that a log query becomes: a selector, the words and the levels of problems."""

import re

from shared.telemetry.http_reader import matcher
from shared.telemetry.port import LogQuery
from shared.telemetry.selectors import Selector
from shared.text.literals import quoted

PROBLEM_WORDS = (
    r"(?i)warn|error|\berr\b|exception|fatal|panic|critical|severe|emerg|traceback|fail|abort|crash"
    r"|unhandled|unavailable|refused|denied|time[ds]?[ _-]?out|out ?of ?memory|\boom|deadlock|segfault"
    # Stack traces logged line by line: frames of Java, JavaScript, .NET, Python, Ruby, Go, Rust, PHP, Elixir, Erlang.
    r"|^\s+(at|file|from) |^caused by|^goroutine |\.(go|rb|exs?|erl|rs|php):\d|\.erl, line \d|\.php\(\d+\): "
    r"|^\s+\d+: .*::|^\*\* |^stack backtrace|terminat"
)
"""Words in a problem's line, in RE2 syntax; broad, because later steps count and judge."""

PROBLEM_LEVELS = "(?i)(warn|err|crit|fatal|panic|severe|alert|emerg).*"
"""The level of a problem's line, in a label or in structured metadata."""

_ERROR_NAMES = "err|eror|error|severe|fatal|crit|critical|emerg|emergency|alert|d?panic"
_LEVEL_KEYS = r"severity|level|levelname|log\.level|lvl|loglevel|severity_text|level_name|@l"
ERROR_WORDS = "|".join(
    (
        # The level: a field of JSON or logfmt, or a word in the head of the line.
        rf'"(?:{_LEVEL_KEYS})"\s*:\s*(?:"(?i:{_ERROR_NAMES})"|[56]0\b)',
        rf'\b(?:level|lvl|severity)="?(?i:{_ERROR_NAMES})\b',
        r"^.{0,110}\b(?:FATAL|CRITICAL|CRIT|EMERG|PANIC|SEVERE|ERROR|ERR)\b",
        r"^.{0,110}\[(?:fatal|critical|crit|emerg|alert|error)\]",
        r"^(?i:fatal|error|err|crit|fail)\s?:",
        r"^[EF]\d{4} \d\d:\d\d:\d\d",
        # A response of a server that failed.
        r'"(?:status|status_code|statusCode|http_status|http\.status_code)"\s*:\s*"?5\d\d\b',
        r'HTTP/\d(?:\.\d)?"\s+5\d\d\b|\bstatus(?:_code)?=5\d\d\b|\| 5\d\d \|',
        r"\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S* 5\d\d(?: |$)",
        # A crash, or an exception that nobody gave a level.
        (
            r"^(?:\[[^\]]{1,64}\] )*(?i:panic: |fatal (?:runtime )?error: |FATAL EXCEPTION|Unhandled exception[.:]"
            r"|PHP Fatal error|Fatal Python error: |thread '.*' panicked|thread \d+ panic: |Killed$"
            r"|terminate called after|\*{3} Program crashed: |The application panicked|=CRASH REPORT====)"
        ),
        r"(?i:\bhas overflowed its stack\b|\bKernel panic\b|\bObserved a panic\b|\(core dumped\)|\bAddressSanitizer: )",
        r"(?i:\bOOMKilled\b|\bOut of memory: Kill|\bsegmentation fault\b|\bSIGSEGV\b|CrashLoopBackOff)",
        r"^Traceback \(most recent|^Exception in thread|^Unhandled|^\*\* \(|panic serving",
        r"^(?:Uncaught )?(?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception)\b[:\s]",
    )
)
"""Words that make a line an error, in RE2 syntax; as narrow as PROBLEM_WORDS is broad, because it is for counting."""

ERROR_LEVELS = f"(?i)({_ERROR_NAMES})"
"""The level of an error's line, in a label or in structured metadata."""


def log_queries(selector: Selector, query: LogQuery) -> list[str]:
    """
    Return the LogQL queries whose results together are the query's lines, without overlap.

    A problem shows in its words or in its level. Loki only ANDs the stages of a pipeline, so a second query finds the
    lines that show it by level alone; it excludes the words of the first.
    """
    service = _selected(selector, query) + "".join(f" |= {quoted(text)}" for text in query.containing)
    if query.only == "all":
        return [service]
    is_errors = query.only == "errors"
    words, levels = quoted(ERROR_WORDS if is_errors else PROBLEM_WORDS), ERROR_LEVELS if is_errors else PROBLEM_LEVELS
    by_level = " or ".join(f"{name}=~{quoted(levels)}" for name in ("detected_level", "level", "severity"))
    return [f"{service} |~ {words}", f"{service} !~ {words} | {by_level}"]


def _selected(selector: Selector, query: LogQuery) -> str:
    """Return what selects the service's lines, or those of certain requests over every service."""
    if not query.requests:
        return selector.own
    ids = "|".join(re.escape(id_) for id_ in query.requests)
    narrower = "".join(f", {matcher(name, value)}" for name, value in query.within)
    return f"{selector.everything.removesuffix('}')}{narrower}}} |~ {quoted(ids)}"
