"""Naive answers to the same alerts: what an analyst must beat to be worth its keep."""

from collections import Counter
from collections.abc import Callable, Iterable
from statistics import fmean, pstdev

from infra.score.halves import Half
from infra.score.microservice.affected import error_lines
from infra.score.microservice.cases import MicroserviceCase, Points
from shared.contracts import IncidentType

ROUNDING = 1e-9
"""Share of the mean under which a deviation is the rounding of floating point numbers."""

Ranking = Callable[[MicroserviceCase, str], list[str]]
"""Returns services, the most suspect first, from a case and the service that was alerted on."""


def alerted_service(_case: MicroserviceCase, service: str) -> list[str]:
    """Suspect the service that was alerted on."""
    return [service]


def most_error_lines(case: MicroserviceCase, _service: str) -> list[str]:
    """Suspect the services by how many error lines they wrote in the window."""
    counts = {service: len(error_lines(case, service)) for service in case.services}
    return sorted((service for service in counts if counts[service]), key=lambda service: -counts[service])


def largest_metric_change(case: MicroserviceCase, _service: str) -> list[str]:
    """Suspect the services by how many standard deviations one of their series moved: in the window, since before."""
    changes: dict[str, float] = {}
    for one in case.series:
        changes[one.service] = max(changes.get(one.service, 0.0), _change(one.points, case))
    moved = [service for service in case.services if changes.get(service)]
    return sorted(moved, key=lambda service: -changes[service])


CULPRIT_BASELINES: dict[str, Ranking] = {
    "the alerted service": alerted_service,
    "most error lines": most_error_lines,
    "largest metric change": largest_metric_change,
}


def most_frequent_type(types: Iterable[tuple[Half, IncidentType]]) -> IncidentType:
    """Return the most frequent type among the cases that may be tuned on: the others would be an answer looked up."""
    counts = Counter(type_ for half, type_ in types if half == "tuned on")
    return min(counts, key=lambda type_: (-counts[type_], type_), default="unknown")


def _change(points: Points, case: MicroserviceCase) -> float:
    """Return how far the mean of the window is from the mean before it; 0 when nothing before it varied."""
    start = case.lines[0].at
    before = [value for at, value in points if at < start]
    since = [value for at, value in points if at >= start]
    if not before or not since:
        return 0.0
    usual, spread = fmean(before), pstdev(before)
    return abs(fmean(since) - usual) / spread if spread > ROUNDING * abs(usual) else 0.0
