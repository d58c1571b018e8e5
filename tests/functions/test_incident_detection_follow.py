"""Requests are followed to the service behind the alert's, over real HTTP: bounded, narrowed, and only when in need."""

import inspect
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from functions.incident_detection.main import incident_detection as detection_step
from functions.rca.main import rca as rca_step
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.contracts import DetectionRequest, Incident, RootCauseRequest, RootCauses
from tests.builders import NOW, an_alert
from tests.shared.analysis.requests.calls import Written, requests, slower, usual

incident_detection, rca = inspect.unwrap(detection_step), inspect.unwrap(rca_step)
BEGAN = NOW - timedelta(seconds=240)
"""Requests come each second from here on, and are otherwise after half of the time."""
HALF = 110


@pytest.fixture
def loki(monkeypatch: pytest.MonkeyPatch) -> Iterator[LokiSandbox]:
    with LokiSandbox() as sandbox:
        monkeypatch.setenv("GRAFANA_HOST", sandbox.url)
        yield sandbox


@pytest.fixture
def prometheus(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrometheusSandbox]:
    with PrometheusSandbox() as sandbox:
        monkeypatch.setenv("PROMETHEUS_HOST", sandbox.url)
        yield sandbox


def load(loki: LokiSandbox, since: Callable[[int], Written], **labels: str) -> None:
    """Write two minutes of usual requests, and two minutes of others."""
    streams: dict[str, list[list[str]]] = {}
    for line in [*requests(HALF, usual), *requests(HALF, since, HALF)]:
        at_ns = line.nanoseconds - int((NOW - BEGAN).total_seconds() * 1e9)
        streams.setdefault(line.labels["service_name"], []).append([str(at_ns), line.text])
    for service, values in streams.items():
        loki.load({"streams": [{"stream": {"service_name": service, **labels}, "values": sorted(values)}]})


def detected(service: str) -> Incident:
    alert = an_alert(service_name=service, started_at=BEGAN + timedelta(seconds=HALF))
    answer = incident_detection(DetectionRequest(alert=alert))
    assert isinstance(answer, Incident)
    return answer


def searches_of_all(loki: LokiSandbox) -> list[str]:
    """Return the queries that read more than one service."""
    queries = [request.param("query") for request in loki.requests if "query_range" in request.path]
    return [query for query in queries if '=~".+"' in query]


def test_slow_service_is_named_with_its_processor(loki: LokiSandbox, prometheus: PrometheusSandbox) -> None:
    """The alert is on one that waits for it, and no line is an error."""
    load(loki, slower("stock", 12, within=True, way=True), namespace="shop")
    for service in ("gateway", "orders", "stock", "payments"):
        samples, used = [], 0.0
        for second in range(-900, 1, 15):
            used += 15 * (0.9 if service == "stock" and second >= -130 else 0.1)
            samples.append((NOW.timestamp() + second, used))
        prometheus.load("process_cpu_seconds_total", {"service_name": service}, samples)

    incident = detected("gateway")
    causes = rca(RootCauseRequest(alert=an_alert(service_name="gateway"), incident=incident))

    assert incident.other_services[0].service_name == "stock"
    assert incident.incident_type_hint == "infrastructure_issue"
    assert isinstance(causes, RootCauses)
    assert causes.root_causes[0].affected_components[0] == "stock"
    assert any("cpu of stock" in quote.text for quote in causes.root_causes[0].quotes)
    queries = [request.param("query") for request in prometheus.requests if "query_range" in request.path]
    of_others = [query for query in queries if "service_name=~" in query]
    assert len(of_others) == 1, "one query for each vital sign, whatever the number of services"
    assert "orders|" in of_others[0] or "|orders" in of_others[0]


def test_search_stays_in_the_namespace(loki: LokiSandbox) -> None:
    """One search, for a bounded number of requests."""
    load(loki, lambda number: usual(number)[:6], namespace="shop")

    incident = detected("gateway")

    assert incident.other_services[0].service_name == "payments"
    (query,) = searches_of_all(loki)
    assert query.startswith('{service_name=~".+", namespace="shop"} |~ ')
    assert query.count("|") <= 61


def test_healthy_service_is_not_followed(loki: LokiSandbox) -> None:
    """Its own lines show neither errors nor slowness, and enough of them to tell."""
    load(loki, usual)

    incident = detected("gateway")

    assert incident.verdict == "healthy"
    assert searches_of_all(loki) == []


def test_slow_requests_prove_no_health(loki: LokiSandbox) -> None:
    """No line is an error, and those of the service itself say how long it takes."""
    load(loki, slower("stock", 12, within=True, way=True))

    incident = detected("gateway")

    assert incident.verdict == "cannot_tell"
    assert any("slower" in missing for missing in incident.missing)
    assert incident.other_services[0].service_name == "stock"


def test_calm_metrics_prove_no_health_of_slow_requests(loki: LokiSandbox, prometheus: PrometheusSandbox) -> None:
    """A rate of requests says nothing of how long they take."""
    load(loki, slower("stock", 12, within=True, way=True))
    samples = [(NOW.timestamp() + second, 10.0 * (second + 900)) for second in range(-900, 1, 15)]
    prometheus.load("http_requests_total", {"service_name": "gateway", "code": "200"}, samples)

    assert detected("gateway").verdict == "cannot_tell"


def test_search_that_fails_is_a_hint(loki: LokiSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is as good as without it, and says so."""
    load(loki, lambda number: [*usual(number)[:6], ("gateway", "ERROR answered 500", 0.01)])
    answer = loki.answer
    monkeypatch.setattr(loki, "answer", lambda one: Reply(503) if '=~".+"' in one.param("query") else answer(one))

    incident = detected("gateway")

    assert incident.verdict == "incident"
    assert incident.degraded is None
    assert any(hint.startswith("Other services were not read: ") for hint in incident.hints)
