"""Requests through a shop that was never recorded: gateway calls orders, which calls stock and then payments."""

from collections.abc import Callable
from datetime import timedelta

from shared.telemetry.port import LogLine
from tests.builders import NOW

Written = list[tuple[str, str, float]]
"""Service, text, and seconds since the line before."""


def usual(_number: int) -> Written:
    """Return what a request writes when all is well; a step takes a little more or less each time."""
    odd = 0.001 * (_number % 3)
    return [
        ("gateway", "INFO GET /checkout", 0.0),
        ("orders", "INFO checking out a basket", 0.004 + odd),
        ("stock", "INFO reserving items", 0.005 + odd),
        ("stock", "INFO items are reserved", 0.003 + odd),
        ("orders", "INFO basket is reserved", 0.004 + odd),
        ("payments", "INFO charging a card", 0.006 + odd),
        ("payments", "INFO card is charged", 0.004 + odd),
        ("orders", "INFO order is placed", 0.004 + odd),
        ("gateway", "INFO answered 200", 0.003 + odd),
    ]


def requests(count: int, written: Callable[[int], Written], first: int = 0) -> list[LogLine]:
    """Return the lines of so many requests, one each second from the number `first` on."""
    lines: list[LogLine] = []
    for number in range(first, first + count):
        at = NOW + timedelta(seconds=number)
        for service, text, gap_s in written(number):
            at += timedelta(seconds=gap_s)
            labels = {"service_name": service, "namespace": "shop"}
            lines.append(LogLine(at, int(at.timestamp() * 1e9), f"{text} trace_id={number + 1:032x}", labels))
    return lines


def slower(service: str, factor: float, *, within: bool, way: bool) -> Callable[[int], Written]:
    """Return requests in which a service's own steps, or the steps to it and back, take `factor` times as long."""

    def written(number: int) -> Written:
        result: Written = []
        for name, text, gap_s in usual(number):
            before = result[-1][0] if result else name
            is_own = name == before == service
            is_way = name != before and service in (name, before)
            result.append((name, text, gap_s * factor if (is_own and within) or (is_way and way) else gap_s))
        return result

    return written
