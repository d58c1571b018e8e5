"""The LogQL that a log query becomes: a selector, the words and the levels of problems."""

from shared.quoting import quoted
from shared.telemetry.http_reader import selector
from shared.telemetry.port import LogQuery

PROBLEM_WORDS = (
    r"(?i)warn|error|\berr\b|exception|fatal|panic|critical|severe|emerg|traceback|fail|abort|crash"
    r"|unhandled|unavailable|refused|denied|time[ds]?[ _-]?out|out ?of ?memory|\boom|deadlock|segfault"
    # Stack traces logged line by line: frames of Java, JavaScript, .NET, Python, Ruby and Go.
    r"|^\s+(at|file|from) |^caused by|^goroutine "
)
"""Words in a problem's line, in RE2 syntax; broad, because later steps count and judge."""

PROBLEM_LEVELS = "(?i)(warn|err|crit|fatal|panic|severe|alert|emerg).*"
"""The level of a problem's line, in a label or in structured metadata."""


def log_queries(label: str, query: LogQuery) -> list[str]:
    """
    Return the LogQL queries whose results together are the query's lines, without overlap.

    A problem shows in its words or in its level. Loki only ANDs the stages of a pipeline, so a second query finds the
    lines that show it by level alone; it excludes the words of the first.
    """
    service = selector(label, query.service_name) + "".join(f" |= {quoted(text)}" for text in query.containing)
    if not query.only_problems:
        return [service]
    words = quoted(PROBLEM_WORDS)
    by_level = " or ".join(f"{name}=~{quoted(PROBLEM_LEVELS)}" for name in ("detected_level", "level", "severity"))
    return [f"{service} |~ {words}", f"{service} !~ {words} | {by_level}"]
