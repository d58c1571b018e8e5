"""Grafana's alert rules and annotations, over real HTTP against the sandbox."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.local.sandboxes.grafana.server import GrafanaSandbox
from infra.local.sandboxes.http import Reply
from shared import telemetry
from shared.errors import IncidentCopilotError, Refused, Rejected, Throttled, Unavailable
from shared.telemetry.port import AlertCondition, AlertRules, Annotation, Annotations
from tests.builders import NOW

RULE = {
    "uid": "abc",
    "condition": "C",
    "data": [
        {"refId": "A", "datasourceUid": "p1", "model": {"expr": "errors"}},
        {
            "refId": "C",
            "datasourceUid": "__expr__",
            "model": {
                "type": "threshold",
                "expression": "A",
                "conditions": [{"evaluator": {"type": "gt", "params": [3]}}],
            },
        },
    ],
}


@pytest.fixture
def grafana() -> Iterator[GrafanaSandbox]:
    with GrafanaSandbox(token="t0ken", rules={"abc": RULE}) as sandbox:
        yield sandbox


def rules(monkeypatch: pytest.MonkeyPatch, **settings: str) -> AlertRules | None:
    """Return the rules under these settings alone."""
    for name in ("GRAFANA_HOST", "GRAFANA_URL", "GRAFANA_TOKEN"):
        monkeypatch.setenv(name, settings.get(name, ""))
    return telemetry.connect_alert_rules()


def test_rule_is_read_with_the_token(grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Grafana is where GRAFANA_HOST's data source proxy is, or where GRAFANA_URL says."""
    by_proxy = rules(monkeypatch, GRAFANA_HOST=f"{grafana.url}/api/datasources/proxy/uid/loki", GRAFANA_TOKEN="t0ken")
    by_url = rules(monkeypatch, GRAFANA_URL=grafana.url, GRAFANA_TOKEN="t0ken")

    assert by_proxy is not None
    assert by_url is not None
    assert by_proxy.condition("abc") == by_url.condition("abc") == AlertCondition("errors", ">", 3)


def test_without_token_or_address_no_rule_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Loki alone is no Grafana, and no token is sent to it."""
    assert rules(monkeypatch, GRAFANA_HOST="http://loki.example.com", GRAFANA_TOKEN="t0ken") is None
    assert rules(monkeypatch, GRAFANA_URL="http://grafana.example.com") is None


def test_faults_never_show_the_token(grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """They say which rule was asked for, and what came back."""
    wrong = rules(monkeypatch, GRAFANA_URL=grafana.url, GRAFANA_TOKEN="wr0ng")
    assert wrong is not None
    with pytest.raises(Refused, match=r"the alert rule 'abc'.*Invalid API key") as refused:
        wrong.condition("abc")
    assert "wr0ng" not in str(refused.value)

    grafana.fail_next(Reply.of_json(["no rule"]))
    with pytest.raises(Unavailable, match="unknown format"):
        wrong.condition("abc")


START, END = NOW - timedelta(minutes=15), NOW


def annotations(monkeypatch: pytest.MonkeyPatch, grafana: GrafanaSandbox, **settings: str) -> Annotations:
    """Return the annotations of the sandbox."""
    named = {"GRAFANA_URL": grafana.url, "GRAFANA_TOKEN": "t0ken", "PROMETHEUS_TIMEOUT_S": "2", **settings}
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    connected = telemetry.connect_annotations()
    assert connected is not None
    return connected


def a_mark(at: datetime, text: str, *tags: str, **fields: Any) -> dict[str, Any]:
    """Return an annotation as Grafana holds it."""
    return {"time": round(at.timestamp() * 1000), "text": text, "tags": list(tags), **fields}


def test_annotations_with_any_tag_of_a_deployment_are_read(
    grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the window, newest first, as text alone, with their dashboard; a region counts by its start."""
    early, late = NOW - timedelta(minutes=9), NOW - timedelta(minutes=3)
    region = {"timeEnd": round(NOW.timestamp() * 1000)}
    grafana.annotations = [
        a_mark(early, "<b>checkout-api</b>\n2.15.0 <a href='x'>log</a>", "release", dashboardUID="shop checkout"),
        a_mark(late, "payments 7", "deploy", "payments"),
        a_mark(late, "Lunch", "people"),
        a_mark(NOW + timedelta(minutes=1), "later", "deploy"),
        a_mark(START - timedelta(minutes=1), "began before", "deploy", **region),
    ]

    read = annotations(monkeypatch, grafana).deployments(START, END)

    page = f"{grafana.url}/d/shop%20checkout"
    assert read == (
        Annotation(late, "payments 7", ("deploy", "payments")),
        Annotation(early, "checkout-api 2.15.0 log", ("release",), page),
    )
    assert [(one.names("checkout-api"), one.names("payments")) for one in read] == [(False, True), (True, False)]


def test_tags_are_a_setting(grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """And without any, nothing is asked."""
    grafana.annotations = [a_mark(NOW, "7", "shipped")]

    assert len(annotations(monkeypatch, grafana, GRAFANA_ANNOTATION_TAGS='["shipped"]').deployments(START, END)) == 1
    assert annotations(monkeypatch, grafana, GRAFANA_ANNOTATION_TAGS="[]").deployments(START, END) == ()
    assert len(grafana.requests) == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply.of_json({"message": "Permission denied"}, 403), Refused),
        (Reply.of_json({"message": "Not found"}, 404), Refused),
        (Reply.of_json({"message": "Bad request"}, 400), Rejected),
        (Reply.of_json({}, 429), Throttled),
        (Reply.of_json({"message": "Internal error"}, 500), Unavailable),
        (Reply.of_json([]).held(9), Unavailable),
        (Reply.of_text("<html>", headers={"Content-Type": "text/html"}), Refused),
        (Reply.of_json({"no": "list"}), Unavailable),
        (Reply.of_json([{"time": "soon"}]), Unavailable),
        (Reply.of_json([{"time": 10**30}]), Unavailable),
        (Reply.of_json(["x" * 600_000]), Rejected),
    ],
)
def test_fault_of_the_annotations_is_one_of_ours(
    grafana: GrafanaSandbox, monkeypatch: pytest.MonkeyPatch, reply: Reply, error: type[IncidentCopilotError]
) -> None:
    """Each says what was asked for, and none shows the token."""
    connected = annotations(monkeypatch, grafana)
    grafana.fail_next(reply, reply, reply)

    with pytest.raises(error, match="the annotations tagged deploy") as raised:
        connected.deployments(START, END)
    assert "t0ken" not in str(raised.value)
