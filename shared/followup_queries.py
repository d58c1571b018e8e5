"""
LogQL and PromQL queries for a person to run next, built on the selector by which the logs were read.

Apart from the providers, so that functions that read no telemetry do not bundle them. Each is empty without a selector:
the log store did not answer, so that asking it again leads nowhere. It is empty too where the name of a service, which
a label may bring, would act where a query is read or pasted.
"""

import re
from datetime import datetime

from shared.text.literals import quoted
from shared.text.plain_text import as_rendered

MAX_NEEDLE = 200
MIN_PLAIN = 8
_ESCAPED = re.compile(r"[\"\\\x00-\x1f\x7f]+|[^\x00-\x7f]+")
"""What JSON may write otherwise, so that a line that holds it may not match."""
_ACTS = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]{0,20})?:/{2}|(?<![a-z0-9])www\.|@|[$`!]")
"""What a mail program makes a link of, and what a shell runs inside of quotation marks, where a query is pasted."""
_NAME_ACTS = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]{0,20})?:/{2}|(?<![a-z0-9])www\.|@|`|\$(?=[\w({])")
"""The same for a selector, whose operators and expressions have marks of their own."""
_FAILURE = '|~ "(?i)error|exception|fail|fatal|panic|refused|unavailable|timed? ?out"'


def lines_of(selector: str) -> str:
    """Return the query for the service's lines."""
    return "" if _NAME_ACTS.search(as_rendered(selector)) else selector


def lines_with(selector: str, needle: str) -> str:
    """
    Return the query for the lines that hold the needle, whose words are others'.

    It looks for the longest part of it that JSON lines write alike and that holds no address and no mark of a shell.
    """
    part, lines = _plain(needle.partition("\n")[0]), lines_of(selector)
    return f"{lines} |= {quoted(part)}" if lines and part else lines


def _plain(needle: str) -> str:
    inert = _largest_part(_ACTS, _as_seen(needle))
    part = _largest_part(_ESCAPED, inert)
    return (part if len(part) >= MIN_PLAIN else inert)[:MAX_NEEDLE].strip()


def _largest_part(separator: re.Pattern[str], text: str) -> str:
    return max((part.strip() for part in separator.split(text)), key=len)


def _as_seen(needle: str) -> str:
    """
    Return the longest part that is rendered as it is written.

    What a reader sees as another text matches no line when it is copied, and may be an address or a command there.
    """
    if as_rendered(needle) == needle:
        return needle
    parts = "".join(char if as_rendered(char) == char else "\n" for char in needle).split("\n")
    return max((part for part in parts if as_rendered(part) == part), key=len, default="")


def problems_over_time(selector: str) -> str:
    """Return the query that counts the problem lines."""
    lines = lines_of(selector)
    return lines and over_time(f'{lines} |~ "(?i)error|exception|fatal|panic"')


def over_time(lines: str) -> str:
    """Return the query that counts lines over time, given the query for them."""
    return lines and f"sum(count_over_time({lines} [5m]))"


def lines_naming(target: str, others_selector: str) -> str:
    """Return the query for lines of other services that name the target and say that something failed."""
    lines = lines_with(others_selector, target)
    return lines and f"{lines} {_FAILURE}"


def container_restarts(service: str, start: datetime, end: datetime) -> str:
    """Return the query for restarts of the service's containers from `start` to `end`, whenever it is asked."""
    seconds = max(round((end - start).total_seconds()), 60)
    if not (container := lines_of(f"container={quoted(service)}")):
        return ""
    series = f"kube_pod_container_status_restarts_total{{{container}}}"
    return f"sum by (pod) (increase({series}[{seconds}s] @ {round(end.timestamp())}))"
