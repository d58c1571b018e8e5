"""The kind of fault of a service that others wait for."""

import pytest

from shared.analysis.faults.parts import fault_of
from shared.analysis.requests.changes import ServiceChange, Slowness, changes
from shared.analysis.requests.flows import requests_of
from tests.shared.analysis.requests.calls import requests, usual


def slow(way: float, within: float | None) -> ServiceChange:
    """Return a service whose steps take so many times as long, on the way to it and within it."""
    return ServiceChange(Slowness(20, 5, 1, 5, way, within))


@pytest.mark.parametrize(
    ("change", "moved", "text", "expected"),
    [
        (slow(8, 8), ["latency_p95", "cpu"], "", "infrastructure_issue"),
        (slow(8, 8), [], "", "infrastructure_issue"),
        (slow(30, 1.0), [], "", "infrastructure_issue"),
        (slow(1.1, 9), [], "", "unknown"),
        (ServiceChange(), [], "ERROR NullPointerException in Basket.price", "code_issue"),
        (ServiceChange(), [], "ERROR java.lang.OutOfMemoryError: heap", "infrastructure_issue"),
        (ServiceChange(), [], "ERROR environment variable PRICES_URL not set", "config_issue"),
        (ServiceChange(), ["restarts"], "ERROR NullPointerException", "infrastructure_issue"),
        (ServiceChange(), [], "", "unknown"),
    ],
)
def test_fault_is_of_the_kind_that_its_signs_show(
    change: ServiceChange, moved: list[str], text: str, expected: str
) -> None:
    """What it says itself counts most, then a resource, then how it goes on."""
    assert fault_of(change, moved, text) == expected


def test_service_that_breaks_off_without_a_word_has_a_fault_in_its_code() -> None:
    """No resource moved, and no line names anything else."""
    changed = changes(
        requests_of(requests(20, usual)), requests_of(requests(20, lambda number: usual(number)[:6], 100))
    )

    assert fault_of(changed["payments"], [], "") == "code_issue"
