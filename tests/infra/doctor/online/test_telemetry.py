"""Loki, Prometheus and Grafana are asked over HTTP, and what they answer becomes a fix."""

import time
from collections.abc import Iterator

import pytest

from infra.doctor.check import Check
from infra.doctor.online import telemetry
from infra.doctor.online.run import check_network
from infra.local.sandboxes.grafana.server import GrafanaSandbox
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox

NOW_NS = time.time_ns()


@pytest.fixture
def loki() -> Iterator[LokiSandbox]:
    """A Loki with lines of one service, under two labels."""
    labels = {"app": "shop", "namespace": "prod"}
    with LokiSandbox([{"stream": labels, "values": [[str(NOW_NS), "started"]]}]) as sandbox:
        yield sandbox


def of_loki(url: str, **others: str) -> Check:
    """Return the check of a Loki at `url`."""
    (check,) = check_network({"GRAFANA_HOST": url, **others}, {"Loki": telemetry.check_loki})
    return check


def of_prometheus(url: str, **others: str) -> Check:
    """Return the check of a Prometheus at `url`."""
    (check,) = check_network({"PROMETHEUS_HOST": url, **others}, {"Prometheus": telemetry.check_prometheus})
    return check


def test_loki_that_knows_the_label_is_ok(loki: LokiSandbox) -> None:
    """One request for the labels of the last day."""
    check = of_loki(loki.url, LOKI_SERVICE_LABEL="app", LOKI_TENANT="team", GRAFANA_BASICAUTH="me:pw")

    (request,) = loki.requests
    assert (check.state, request.path) == ("ok", "/loki/api/v1/labels")
    assert (request.headers["X-Scope-OrgID"], request.headers["Authorization"]) == ("team", "Basic bWU6cHc=")


def test_loki_without_the_label_names_a_better_one(loki: LokiSandbox) -> None:
    """The default is service_name; this Loki has app."""
    check = of_loki(loki.url)

    assert (check.state, check.fix) == ("wrong", "set LOKI_SERVICE_LABEL=app")
    assert "app, namespace" in check.what


def test_loki_without_lines_cannot_tell() -> None:
    """An empty Loki says nothing about labels."""
    with LokiSandbox([]) as empty:
        assert of_loki(empty.url).state == "cannot tell"


@pytest.mark.parametrize(
    ("reply", "fix"),
    [
        (Reply.of_text("no org id", 401), "GRAFANA_BASICAUTH and LOKI_TENANT"),
        (Reply.of_text("404 page not found", 404), "check GRAFANA_HOST"),
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), "check GRAFANA_HOST"),
        (Reply(302, b"", {"Location": "https://login.example.com/"}), "check GRAFANA_HOST"),
    ],
)
def test_refusal_of_loki_names_what_to_check(loki: LokiSandbox, reply: Reply, fix: str) -> None:
    """Credentials, tenant or address."""
    loki.fail_next(reply)

    check = of_loki(loki.url)

    assert (check.state, fix in check.fix) == ("wrong", True)


def test_nothing_that_listens_is_wrong() -> None:
    """A port that nobody has."""
    with LokiSandbox([]) as gone:
        url = gone.url

    assert "check GRAFANA_HOST, and the way to it" in of_loki(url).fix


def test_unset_sources_were_not_asked() -> None:
    """Nothing is claimed of them."""
    checks = check_network(
        {}, {"a": telemetry.check_loki, "b": telemetry.check_prometheus, "c": telemetry.check_grafana}
    )

    assert [check.state for check in checks] == ["cannot tell", "cannot tell"]


def test_prometheus_with_and_without_the_label() -> None:
    """Its values of the last day are counted."""
    with PrometheusSandbox() as prometheus:
        prometheus.load("up", {"job": "shop"}, [(NOW_NS / 1e9, 1.0)])

        right, other = of_prometheus(prometheus.url, PROMETHEUS_SERVICE_LABEL="job"), of_prometheus(prometheus.url)

    assert str(right) == "ok           Prometheus answers and knows the label job, with 1 values"
    assert (other.state, "PROMETHEUS_SERVICE_LABEL" in other.fix) == ("wrong", True)


def test_grafana_refuses_a_wrong_token() -> None:
    """The token is what is named, and it is not printed."""
    with GrafanaSandbox(token="right-token") as grafana:
        questions = {"Grafana": telemetry.check_grafana}
        (right,) = check_network({"GRAFANA_URL": grafana.url, "GRAFANA_TOKEN": "right-token"}, questions)
        (other,) = check_network({"GRAFANA_URL": grafana.url, "GRAFANA_TOKEN": "wrong-token"}, questions)

    assert (right.state, other.state) == ("ok", "wrong")
    assert "GRAFANA_TOKEN" in other.fix
    assert "wrong-token" not in str(other)
