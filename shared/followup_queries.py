"""
LogQL and PromQL queries for a person to run next, built on the selector by which the logs were read.

Apart from the providers, so that functions that read no telemetry do not bundle them. Each is empty without a selector:
the log store did not answer, so that asking it again leads nowhere.
"""

from datetime import datetime

from shared.quoting import quoted

MAX_NEEDLE = 80


def lines_of(selector: str) -> str:
    """Return the query for the service's lines."""
    return selector


def lines_with(selector: str, needle: str) -> str:
    """Return the query for the service's lines that hold the needle, truncated to MAX_NEEDLE characters."""
    return selector and f"{selector} |= {quoted(needle.partition(chr(10))[0].strip()[:MAX_NEEDLE])}"


def problems_over_time(selector: str) -> str:
    """Return the query that counts the problem lines."""
    return selector and over_time(f'{selector} |~ "(?i)error|exception|fatal|panic"')


def over_time(lines: str) -> str:
    """Return the query that counts lines over time, given the query for them."""
    return lines and f"sum(count_over_time({lines} [5m]))"


def lines_naming(target: str, others_selector: str) -> str:
    """Return the query for lines of other services that name the target."""
    return lines_with(others_selector, target)


def container_restarts(service: str, start: datetime, end: datetime) -> str:
    """Return the query for restarts of the service's containers from `start` to `end`, whenever it is asked."""
    seconds = max(round((end - start).total_seconds()), 60)
    series = f"kube_pod_container_status_restarts_total{{container={quoted(service)}}}"
    return f"sum by (pod) (increase({series}[{seconds}s] @ {round(end.timestamp())}))"
