"""Who failed first, in requests that were followed over all services."""

from datetime import timedelta

from shared.analysis.detection.evidence import EvidenceCollector
from shared.analysis.detection.other_services import MAX_REQUESTS, other_services, requests_to_follow
from shared.telemetry.port import LogLine
from tests.builders import NOW


def line(service: str, request: int, second: float, text: str) -> LogLine:
    """Return a line of a service for a request."""
    at = NOW + timedelta(seconds=request * 10 + second)
    labels = {"service_name": service}
    return LogLine(at, int(at.timestamp() * 1e9), f"{text} trace_id={request:032x}", labels)


def test_service_whose_error_comes_first_leads() -> None:
    """The others wait for it, and fail because it did."""
    lines = [
        each
        for number in range(1, 5)
        for each in (
            line("orders", number, 0, "INFO start"),
            line("payments", number, 1, "INFO charge"),
            line("ledger", number, 2, "ERROR no connection"),
            line("payments", number, 3, "ERROR ledger failed"),
            line("orders", number, 4, "ERROR payment failed"),
        )
    ]
    collector = EvidenceCollector(None)

    first, second = other_services("orders", lines, collector)

    assert (first.service_name, first.requests, first.failed_in, first.failed_first_in) == ("ledger", 4, 4, 4)
    assert (second.service_name, second.failed_in, second.failed_first_in) == ("payments", 4, 0)
    (evidence,) = [one for one in collector.evidence if one.id == first.evidence_id]
    assert "no connection" in evidence.text


def test_service_of_the_alert_is_no_other() -> None:
    """It failed first itself: nobody else is to blame."""
    lines = [line("orders", 1, 0, "ERROR bug"), line("gateway", 1, 1, "ERROR orders failed")]

    (other,) = other_services("orders", lines, EvidenceCollector(None))

    assert (other.service_name, other.failed_first_in) == ("gateway", 0)


def test_requests_that_failed_lately_are_followed() -> None:
    """Others only where no line is an error; a bounded number in any case."""
    fine = [line("orders", number, 0, "INFO fine") for number in range(1, 100)]
    failed = [line("orders", number, 0, "ERROR failed") for number in range(100, 150)]

    followed = requests_to_follow([*fine, *failed])

    assert followed == [f"{number:032x}" for number in range(149, 149 - MAX_REQUESTS, -1)]
    assert requests_to_follow(fine)[0] == f"{99:032x}"
    assert requests_to_follow([]) == []
