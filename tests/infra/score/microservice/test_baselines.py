"""Naive rankings are computed from the recorded telemetry, without the truth."""

from pathlib import Path

from infra.score.microservice.baselines import (
    alerted_service,
    largest_metric_change,
    most_error_lines,
    most_frequent_type,
)
from infra.score.microservice.cases import read
from tests.infra.score.microservice.small_cases import every, faulty, record


def test_service_with_most_error_lines_comes_first(tmp_path: Path) -> None:
    """A service without errors is not suspected."""
    lines = {"mail": every(60, "ERROR x"), "shop": every(10, "INFO x"), "stock": every(20, "ERROR x")}

    assert most_error_lines(read(record(tmp_path, "incident", lines, **faulty())), "shop") == ["stock", "mail"]


def test_series_that_left_its_spread_farthest_comes_first(tmp_path: Path) -> None:
    """The change counts in standard deviations of the time before the window; a series that never varied has none."""
    lines = {name: every(60, "INFO x") for name in ("mail", "shop", "stock")}
    times = [float(second) for second in range(-600, 181, 20)]

    def points(window: float) -> list[tuple[float, float]]:
        return [(at, window if at >= 0 else 1 + 0.1 * (number % 2)) for number, at in enumerate(times)]

    series = {
        ("mail", "a"): points(2),
        ("stock", "b"): points(5),
        ("shop", "c"): [(at, 7.0 + 1e-12 * number) for number, at in enumerate(times)],
    }

    case = read(record(tmp_path, "incident", lines, series, **faulty()))

    assert largest_metric_change(case, "shop") == ["stock", "mail"]
    assert alerted_service(case, "shop") == ["shop"]


def test_most_frequent_type_is_looked_up_in_one_half_only() -> None:
    """The other half is what it is reported on."""
    types = [
        ("tuned on", "infrastructure_issue"),
        ("reported on", "code_issue"),
        ("reported on", "code_issue"),
    ]

    assert most_frequent_type(types) == "infrastructure_issue"  # type: ignore[arg-type]  # literals in a list
    assert most_frequent_type([]) == "unknown"
