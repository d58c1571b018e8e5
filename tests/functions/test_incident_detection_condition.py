"""The alert's expression is evaluated by the configured Prometheus alone, over the alert's window, by reading."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from functions.incident_detection.read_condition import read_condition
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.contracts import Alert
from tests.builders import NOW, an_alert

TIMES = range(int(NOW.timestamp()) - 900, int(NOW.timestamp()) + 1, 15)


@pytest.fixture
def prometheus(monkeypatch: pytest.MonkeyPatch) -> Iterator[PrometheusSandbox]:
    with PrometheusSandbox() as sandbox:
        sandbox.load("queue_depth", {"service": "checkout"}, [(t, 12) for t in TIMES])
        monkeypatch.setenv("PROMETHEUS_HOST", sandbox.url)
        for name in ("GRAFANA_HOST", "GRAFANA_URL", "GRAFANA_TOKEN"):
            monkeypatch.setenv(name, "")
        yield sandbox


def alert_with(expression: str) -> Alert:
    """Return an alert as Alertmanager sends it, from a Prometheus that is not the configured one."""
    return an_alert(generator_url=f"http://elsewhere.example.com/graph?g0.expr={quote(expression)}&g0.tab=1")


def test_expression_is_evaluated_over_the_window(prometheus: PrometheusSandbox) -> None:
    """The measure is read while it does not exceed the threshold too; the link's own host is never asked."""
    reading = read_condition(alert_with('queue_depth{service="checkout"} > 10'))

    assert reading is not None
    assert (reading.condition.comparison, reading.condition.threshold) == (">", 10)
    assert [one.points[-1] for one in reading.series] == [(NOW, 12)]
    (request,) = prometheus.requests
    assert (request.method, request.path) == ("GET", "/api/v1/query_range")
    assert request.param("query") == 'queue_depth{service="checkout"}'


def test_without_an_expression_nothing_is_asked(prometheus: PrometheusSandbox) -> None:
    """Most alerts come without one."""
    assert read_condition(an_alert(generator_url="https://grafana.example.com/alerting/abc/edit")) is None
    assert prometheus.requests == []


@pytest.mark.parametrize("expression", ["queue_depth{", "no_such_function(queue_depth) > 1", "x" * 1900 + "{ > 1"])
def test_expression_that_prometheus_refuses_is_not_known(prometheus: PrometheusSandbox, expression: str) -> None:
    """A rule of another system, or a broken one, is no failed source."""
    assert read_condition(alert_with(expression)) is None
