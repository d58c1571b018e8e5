"""What an alert measures and its threshold, from its expression or from Grafana's rule."""

from typing import Any
from urllib.parse import quote

import pytest

from shared.telemetry.alert_condition import (
    MAX_EXPRESSION,
    from_expression,
    from_generator_url,
    from_grafana_rule,
    measured,
    rule_uid,
)
from shared.telemetry.port import AlertCondition, Measured

RATIO = 'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (f"{RATIO} > 0.05", AlertCondition(RATIO, ">", 0.05)),
        ("up == 0", AlertCondition("up", "==", 0)),
        ("0.5 >= hit_ratio", AlertCondition("hit_ratio", "<=", 0.5)),
        ("latency > bool 1e3", AlertCondition("latency", ">", 1000)),
        ("latency < (-2)", AlertCondition("latency", "<", -2)),
        ('up{job="a > b", env!="x"} < 1', AlertCondition('up{job="a > b", env!="x"}', "<", 1)),
        ("absent(up)", AlertCondition("absent(up)")),
        ("a > 1 and b > 2", AlertCondition("a > 1 and b > 2")),
        ("used > limit", AlertCondition("used > limit")),
        ("count(up == 0) > 3", AlertCondition("count(up == 0)", ">", 3)),
        ("used > bool limit", None),
        ("", None),
        ("a" * (MAX_EXPRESSION + 1), None),
    ],
)
def test_comparison_with_a_number_is_taken_apart(expression: str, expected: AlertCondition | None) -> None:
    """Only where it is the whole condition; a result that does not say whether it holds is no condition."""
    assert from_expression(expression) == expected


@pytest.mark.parametrize(
    ("expression", "measures"),
    [
        (RATIO, "failures"),
        ('sum by (app) (rate(http_server_requests_seconds_count{outcome="SERVER_ERROR"}[5m]))', "failures"),
        ('up{job="shop"}', "failures"),
        ("increase(kube_pod_container_status_restarts_total[10m] offset 5m)", "failures"),
        ("sum(rate(http_requests_total[5m])) by (app)", "other"),
        ('sum(rate(http_requests_total{code=~"4..|5.."}[5m]))', "other"),
        ('sum(rate(http_requests_total{status=~"5..", path="/x"}[5m]))', "failures"),
        ('sum(rate(http_requests_total{path="/error"}[5m]))', "other"),
        ('sum(rate(http_server_requests_seconds_count{outcome=~"CLIENT_ERROR|SERVER_ERROR"}[5m]))', "other"),
        ('sum(rate(grpc_server_handled_total{grpc_code="Unavailable"}[5m]))', "other"),
        ("histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))", "other"),
        ('sum(rate(log_errors_total{app="up"}[5m]))', "unknown"),
        ('sum(rate(promtail_custom_http_requests_total{code=~"5.."}[5m]))', "unknown"),
        ("up * on (app) shop_failures", "unknown"),
        ("job:failures:ratio", "unknown"),
        ('{__name__="up"}', "unknown"),
        ("vector(1)", "unknown"),
    ],
)
def test_measure_is_of_failures_by_the_names_of_its_metrics(expression: str, measures: Measured) -> None:
    """
    A name of no convention may be of a metric that is counted from log lines.

    Requests that are refused, a path, and how long a gRPC call may take are the client's choice.
    """
    assert measured(expression) == measures


def test_expression_is_read_from_prometheus_link() -> None:
    """As Alertmanager sends it, percent-encoded; any other link has none."""
    url = f"http://prometheus:9090/graph?g0.expr={quote(f'{RATIO} > 0.05')}&g0.tab=1"

    assert from_generator_url(url) == AlertCondition(RATIO, ">", 0.05)
    assert from_generator_url("http://grafana/alerting/abc/edit") is None
    assert from_generator_url("http://[bad") is None
    assert from_generator_url("") is None


def test_condition_knows_whether_a_value_fulfils_it() -> None:
    """Each comparison as PromQL means it."""
    assert AlertCondition("x", ">", 1).holds(2)
    assert not AlertCondition("x", ">", 1).holds(1)
    assert AlertCondition("x", ">=", 1).holds(1)
    assert AlertCondition("x", "==", 0).holds(0)
    assert AlertCondition("x").holds(0)


def a_rule(*parts: dict[str, Any], condition: str = "C") -> dict[str, Any]:
    """Return a rule as Grafana's provisioning API does, with a query of Prometheus as A."""
    query = {"refId": "A", "datasourceUid": "p1", "model": {"refId": "A", "expr": RATIO, "instant": True}}
    return {"uid": "abc", "title": "Errors", "condition": condition, "data": [query, *parts]}


def expression(ref_id: str, **model: Any) -> dict[str, Any]:
    return {"refId": ref_id, "datasourceUid": "__expr__", "model": {"refId": ref_id, **model}}


def threshold(ref_id: str, on: str, kind: str, *params: float) -> dict[str, Any]:
    evaluator = {"evaluator": {"type": kind, "params": list(params)}}
    return expression(ref_id, type="threshold", expression=on, conditions=[evaluator])


LAST = expression("B", type="reduce", expression="A", reducer="last")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (a_rule(LAST, threshold("C", "B", "gt", 0.05)), AlertCondition(RATIO, ">", 0.05)),
        (a_rule(threshold("C", "A", "lt", 2)), AlertCondition(RATIO, "<", 2)),
        (a_rule(LAST, expression("C", type="math", expression="$B >= 0.1")), AlertCondition(RATIO, ">=", 0.1)),
        (a_rule(expression("B", type="reduce", expression="A", reducer="mean"), threshold("C", "B", "gt", 1)), None),
        (a_rule(threshold("C", "A", "within_range", 1, 2)), None),
        (a_rule(expression("C", type="math", expression="$A + $B > 1")), None),
        (a_rule(threshold("C", "C", "gt", 1)), None),
        (a_rule(), None),
        ({"condition": "A", "data": "no list"}, None),
        ({}, None),
    ],
)
def test_grafana_rule_is_a_threshold_on_the_last_value(rule: dict[str, Any], expected: AlertCondition | None) -> None:
    """Of one query; what Prometheus alone cannot evaluate is none."""
    assert from_grafana_rule(rule) == expected


def test_query_of_another_data_source_is_no_condition() -> None:
    """LogQL is not sent to Prometheus."""
    rule = a_rule(threshold("C", "A", "gt", 1))
    rule["data"][0]["model"]["datasource"] = {"type": "loki"}

    assert from_grafana_rule(rule) is None


def test_uid_is_in_the_link_or_in_a_label() -> None:
    """Grafana's links of version 8 and of later ones; nothing else may become part of an address."""
    assert rule_uid("https://g.example.com/alerting/grafana/d1rd_7k/view?orgId=1", {}) == "d1rd_7k"
    assert rule_uid("https://g.example.com/alerting/1afz29v7z/edit", {}) == "1afz29v7z"
    assert rule_uid("", {"__alert_rule_uid__": "_2d"}) == "_2d"
    assert rule_uid("", {"__alert_rule_uid__": "../../admin"}) == ""
    assert rule_uid("", {}) == ""
