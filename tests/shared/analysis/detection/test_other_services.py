"""Who failed or changed first, and who waits for whom, in requests that were followed over all services."""

from collections.abc import Sequence
from datetime import timedelta

from shared.analysis.detection.classify import Classification
from shared.analysis.detection.evidence import EvidenceCollector
from shared.analysis.detection.other_services import (
    MAX_SERVICES,
    Parts,
    RequestTelemetry,
    classified,
    other_services,
    services_to_read,
)
from shared.analysis.requests.follow import follow
from shared.telemetry.port import LogLine, Series
from tests.builders import NOW
from tests.shared.analysis.requests.calls import Written, requests, slower, usual


def parts_of(own: str, lines: Sequence[LogLine], *series: Series, service: str = "stock") -> tuple[Parts, list[str]]:
    """Return the parts in requests of `own`, and the texts of the evidence that the suspect cites."""
    collector = EvidenceCollector(None)
    telemetry = RequestTelemetry(follow(lines, None), {service: series} if series else {})
    parts = other_services(own, telemetry, collector)
    cited = {parts.suspect.evidence_id, parts.suspect.metrics_evidence_id} if parts.suspect else set()
    return parts, [one.text for one in collector.evidence if one.id in cited]


def failing(number: int) -> Written:
    """Return a request in which payments fails, and all that wait for it."""
    errors = [("payments", "ERROR no connection", 0.1), ("orders", "ERROR payments failed", 0.1)]
    return [*usual(number)[:6], *errors, ("gateway", "ERROR answered 500", 0.1)]


def test_service_whose_error_comes_first_is_the_suspect_and_the_others_wait() -> None:
    """Also where no request is shown that went well."""
    parts, texts = parts_of("gateway", requests(10, failing))

    suspect, orders = parts.others
    assert (suspect.service_name, suspect.role, suspect.basis) == ("payments", "suspect", "failed_first")
    assert (suspect.requests, suspect.failed_in, suspect.failed_first_in) == (10, 10, 10)
    assert (orders.service_name, orders.role, orders.failed_first_in) == ("orders", "waits", 0)
    assert orders.waits_for == ["payments", "stock"]
    assert "no connection" in texts[0]
    assert parts.own is None


def test_errors_that_were_there_before_make_no_suspect() -> None:
    """Some services always write some; the one that changed is to blame."""

    def grumbling(number: int) -> Written:
        return [*usual(number), ("gateway", "ERROR cannot send statistics", 0.01)]

    def broken(number: int) -> Written:
        return [*grumbling(number)[:3], *grumbling(number)[8:]]

    parts, _ = parts_of("orders", [*requests(30, grumbling), *requests(30, broken, 30)])

    assert parts.suspect is not None
    assert (parts.suspect.service_name, parts.suspect.basis) == ("stock", "changed")
    assert "reserving items" in parts.suspect.behaviour
    assert parts.suspect.incident_type_hint == "code_issue"


def test_slow_service_is_the_suspect_with_its_own_vital_sign() -> None:
    """The alert is on one that only waits for it."""
    lines = [*requests(30, usual), *requests(30, slower("stock", 10, within=True, way=True), 30)]
    points = tuple((NOW + timedelta(seconds=n), 0.99 if n >= 30 else 0.1) for n in range(-30, 60, 5))
    cpu = Series("cpu", "cores", "cpu{stock}", {}, points)

    parts, texts = parts_of("gateway", lines, cpu)

    suspect = parts.others[0]
    assert (suspect.service_name, suspect.basis, suspect.incident_type_hint) == (
        *("stock", "changed", "infrastructure_issue"),
    )
    assert "ms before" in suspect.behaviour
    assert any(text.startswith("cpu of stock: 0.1 cores → 0.99 cores") for text in texts)


def test_service_of_the_alert_can_be_the_suspect_itself() -> None:
    """Then no other service is one."""
    lines = [*requests(30, usual), *requests(30, lambda number: usual(number)[:6], 30)]

    parts, _ = parts_of("payments", lines)

    assert parts.own is not None
    assert (parts.own.service_name, parts.own.role) == ("payments", "suspect")
    assert all(other.role != "suspect" for other in parts.others)


def test_service_that_takes_most_of_the_time_is_the_suspect_where_nothing_changed() -> None:
    """The trouble may be older than what was read; nothing is as sure as a change."""
    parts, _ = parts_of("gateway", requests(40, slower("payments", 100, within=False, way=True)))

    assert parts.suspect is not None
    suspect = parts.suspect
    assert (suspect.service_name, suspect.basis, suspect.incident_type_hint) == (
        *("payments", "time", "infrastructure_issue"),
    )


def test_well_requests_have_no_suspect() -> None:
    """Nobody is accused without a reason."""
    parts, _ = parts_of("gateway", requests(60, usual))

    assert parts.suspect is None


def test_type_is_that_of_the_service_at_fault() -> None:
    """A third party is not to blame for a defect in a sister service; own evidence weighs more than a guess."""
    lines = [*requests(30, usual), *requests(30, lambda number: usual(number)[:6], 30)]
    changed, _ = parts_of("gateway", lines)
    slow, _ = parts_of("gateway", requests(40, slower("payments", 100, within=False, way=True)))
    own_trace = Classification("code_issue", "raised through own code")

    assert classified(Classification("external_dependency", "timed out"), changed).type == "code_issue"
    assert classified(Classification("unknown", "nothing"), slow).type == "infrastructure_issue"
    assert classified(own_trace, slow) == own_trace
    assert classified(own_trace, Parts([])) == own_trace


def test_metrics_of_a_bounded_number_of_others_are_read() -> None:
    """Those that changed first, and never the alert's own."""
    many = [(f"service-{number}", "INFO called", 0.001) for number in range(40)]
    lines = [*requests(30, lambda n: [*usual(n), *many]), *requests(30, lambda n: [*usual(n)[:6], *many], 30)]

    services = services_to_read(follow(lines, None), "gateway")

    assert len(services) == MAX_SERVICES
    assert services[0] == "payments"
    assert "gateway" not in services
