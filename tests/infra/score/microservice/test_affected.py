"""A fault reaches the services that share its traces, or whose errors or latency moved; nothing else."""

from pathlib import Path

import pytest

from infra.score.microservice.affected import affected_services, chance_of_as_many
from infra.score.microservice.cases import folders, read
from tests.infra.score.microservice.small_cases import Lines, every, faulty, record, two_cases

TRACED = "INFO TraceID: $trace served"
CULPRIT = every(5, TRACED)


def affected(
    cases: Path, lines: Lines, series: dict[tuple[str, str], list[tuple[float, float]]] | None = None
) -> frozenset[str]:
    """Return what a fault in stock reached when shop wrote these lines."""
    return affected_services(read(record(cases, "incident", {"stock": CULPRIT, "shop": lines}, series, **faulty())))


def test_service_with_a_trace_of_the_culprit_during_the_fault_is_affected(tmp_path: Path) -> None:
    """The culprit itself is not in the result, nor is a service with traces of its own."""
    control, incident = (read(folder) for folder in folders(two_cases(tmp_path)))

    assert affected_services(incident) == {"shop"}
    assert affected_services(control) == frozenset()


def test_trace_shared_before_the_fault_reaches_nobody(tmp_path: Path) -> None:
    """Only what happened during the fault counts."""
    assert affected(tmp_path, every(5, TRACED, end_s=55)) == frozenset()


def test_trace_id_of_zeros_is_no_trace(tmp_path: Path) -> None:
    """Lines outside of any request share that id."""
    zeros = TRACED.replace("$trace", "0" * 32)
    lines = {"stock": every(5, zeros), "shop": every(5, zeros)}

    assert affected_services(read(record(tmp_path, "incident", lines, **faulty()))) == frozenset()


def test_trace_id_in_a_label_counts(tmp_path: Path) -> None:
    """Other shippers put it there in JSON or logfmt."""
    lines = {"stock": every(5, 'trace_id="$trace" served'), "shop": every(5, '{"traceId": "$trace"}')}

    assert affected_services(read(record(tmp_path, "incident", lines, **faulty()))) == {"shop"}


@pytest.mark.parametrize(("start_s", "result"), [(60, {"shop"}), (0, set())])
def test_errors_move_when_they_come_with_the_fault(tmp_path: Path, start_s: float, result: set[str]) -> None:
    """Errors that were there before at the same rate did not move."""
    assert affected(tmp_path, every(5, "ERROR failed", start_s)) == result


@pytest.mark.parametrize(
    ("metric", "since", "result"),
    [
        ("podserverlatencyp90_s", 0.5, {"shop"}),
        ("podserverlatencyp90_s", 0.02, set()),
        ("memoryusagerate", 0.5, set()),
    ],
)
def test_latency_moves_when_it_exceeds_all_before(tmp_path: Path, metric: str, since: float, result: set[str]) -> None:
    """A usual value, or another measure, moves nothing."""
    before = [(float(second), 0.03 if second % 40 else 0.01) for second in range(-300, 60, 20)]
    points = [*before, *((float(second), since) for second in range(60, 181, 20))]

    assert affected(tmp_path, every(5, "INFO served"), {("shop", metric): points}) == result


def test_chance_is_the_binomial_one() -> None:
    """Three heads of three are one in eight."""
    assert chance_of_as_many(3, 3, 0.5) == pytest.approx(1 / 8)
    assert chance_of_as_many(0, 3, 0.5) == pytest.approx(1)
