"""Count what a log page leaves out, by queries that the store answers with numbers instead of lines."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime

from shared.analysis.logs.error_words import error_words
from shared.step import recorder
from shared.telemetry.port import LogCounts, LogLine, LogPage, LogQuery, Logs, Unread

SAMPLED_LINES = 1_500
"""Of the oldest and of the newest problems: what goes on before them, and what is wrong now."""
AT_ONCE = 4


def count_unread(logs: Logs, query: LogQuery, since: datetime, problems: LogPage, own_names: Sequence[str]) -> Unread:
    """
    Return the counts over the window of `query`, of which every line from `since` on was read.

    `problems` is the page of those before; when it is complete, no error is left to count. Raises what `count` raises.
    """
    problems_since = query.start
    queries = [query]
    words: list[tuple[str, ...]] = []
    if not problems.is_complete:
        problems_since = problems.lines[0].at if problems.lines else since
        words = error_words(_sample(problems.lines), own_names)
        queries += [replace(query, only="errors"), *(replace(query, containing=each) for each in words)]
    with recorder.tool("count_loki", service_name=query.service_name) as call:
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            # Each gets a copy of the context, so that its log lines name the incident too.
            futures = [pool.submit(copy_context().run, logs.count, each) for each in queries]
        lines, *rest = [future.result() for future in futures]
        call.result = "\n".join(f"{counts.total} lines: {counts.query}" for counts in (lines, *rest))
    errors, by_words = (rest[0], rest[1:]) if rest else (LogCounts("", lines.step, ()), [])
    return Unread(since, problems_since, lines, errors, dict(zip(words, by_words, strict=True)))


def _sample(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    return lines if len(lines) <= 2 * SAMPLED_LINES else (*lines[:SAMPLED_LINES], *lines[-SAMPLED_LINES:])
