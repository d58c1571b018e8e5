"""Which services a fault reached, by the recorded telemetry alone."""

import re
from collections.abc import Iterator
from datetime import datetime
from math import comb
from statistics import median

from infra.score.microservice.cases import Fault, MicroserviceCase, Points, service_of
from shared.telemetry.port import LogLine

SIGNIFICANT = 0.01
"""The usual level of significance: chance alone would move the errors of one service in a hundred."""

ERROR_LINE = re.compile(r"\b(?:ERROR|SEVERE|FATAL|CRITICAL|PANIC)\b")
_TRACE_ID = re.compile(r"\btrace[_-]?id\W{1,4}([0-9a-f]{16,32})\b", re.IGNORECASE)
_WORSE_WHEN_HIGH = re.compile(r"latency|duration|error|fail", re.IGNORECASE)


def affected_services(case: MicroserviceCase) -> frozenset[str]:
    """
    Return the services, without the culprit, that a fault reached; none in a control.

    A service is affected when it handled one of the traces that the culprit handled during the fault, or when its own
    errors or latency moved.
    """
    if case.fault is None:
        return frozenset()
    moved = {service for service in case.services if _errors_moved(case, case.fault, service)}
    moved |= {one.service for one in case.series if _WORSE_WHEN_HIGH.search(one.name) and has_risen(one.points, case)}
    reached = _sharing_traces(case, case.fault) | moved
    return frozenset(reached & set(case.services)) - {case.fault.service}


def error_lines(case: MicroserviceCase, service: str) -> list[datetime]:
    """Return when the service wrote an error, oldest first."""
    return [line.at for line in case.lines if service_of(line.labels) == service and ERROR_LINE.search(line.text)]


def has_risen(points: Points, case: MicroserviceCase) -> bool:
    """Return whether half of a series' points during the fault are above every point before it."""
    assert case.fault is not None
    before = [value for at, value in points if at < case.fault.injected_at]
    since = [value for at, value in points if at >= case.fault.injected_at]
    return bool(before and since) and median(since) > max(before)


def _sharing_traces(case: MicroserviceCase, fault: Fault) -> set[str]:
    ids_by_service: dict[str, set[str]] = {}
    for line in case.lines:
        if line.at >= fault.injected_at:
            ids_by_service.setdefault(service_of(line.labels), set()).update(_trace_ids(line))
    culprit_ids = ids_by_service.get(fault.service, set())
    return {service for service, ids in ids_by_service.items() if ids & culprit_ids}


def _trace_ids(line: LogLine) -> Iterator[str]:
    texts = (line.text, *(f"{name}={value}" for name, value in line.labels.items()))
    for text in texts:
        # Zeros are W3C's id of "no trace": https://www.w3.org/TR/trace-context/#trace-id
        yield from (id_.lower() for id_ in _TRACE_ID.findall(text) if id_.strip("0"))


def _errors_moved(case: MicroserviceCase, fault: Fault, service: str) -> bool:
    """Return whether so many of a service's errors fell into the fault that an unchanged rate would hardly do it."""
    errors = error_lines(case, service)
    start, end = case.lines[0].at, case.lines[-1].at
    share = (end - fault.injected_at) / (end - start)
    since = sum(at >= fault.injected_at for at in errors)
    return bool(errors) and chance_of_as_many(since, len(errors), share) < SIGNIFICANT


def chance_of_as_many(successes: int, trials: int, probability: float) -> float:
    """Return the binomial probability of at least so many successes."""
    return sum(
        comb(trials, count) * probability**count * (1 - probability) ** (trials - count)
        for count in range(successes, trials + 1)
    )
