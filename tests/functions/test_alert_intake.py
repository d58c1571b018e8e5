"""Grafana's webhook endpoint: who may send, what each kind of body becomes, and when the answer is 202."""

import contextlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import flask
import functions_framework
import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from functions.alert_intake.main import alert_intake
from functions.alert_intake.parse_alerts import Rules, read
from infra import bundle
from shared import clock
from shared.cloud import pubsub
from shared.contracts import Alert
from shared.errors import IncidentCopilotError, Refused, Rejected, Unavailable, Uncertain

KEY = "a-key-for-tests"
NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
PAYLOADS = bundle.ROOT.parent / "shared" / "payloads" / "grafana_webhook"


class FakePubsub:
    """Keeps what is published, or fails."""

    def __init__(self) -> None:
        self.published: list[Alert] = []
        self.failure: IncidentCopilotError | None = None

    def publish_all(self, alerts: Sequence[Alert]) -> list[str]:
        """Keep the alerts."""
        if self.failure:
            raise self.failure
        self.published.extend(alerts)
        return [str(n) for n, _ in enumerate(alerts)]


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> FakePubsub:
    """The Pub/Sub topic behind the endpoint, with the clock frozen."""
    fake = FakePubsub()
    monkeypatch.setattr(pubsub, "connect", lambda: fake)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("WEBHOOK_API_KEY", KEY)
    for name in ("WEBHOOK_USER_ID", "LOOKUP_WINDOW_SECONDS", "SERVICE_LABELS"):
        monkeypatch.delenv(name, raising=False)
    return fake


@pytest.fixture
def endpoint(topic: FakePubsub) -> FlaskClient:
    """A client of the function, every path and method leading to it as the functions framework does."""
    app = flask.Flask("endpoint")
    for rule in ("/", "/<path:_>"):
        app.add_url_rule(
            rule, rule, lambda **_: alert_intake(flask.request), methods=["GET", "POST", "PUT", "DELETE", "OPTIONS"]
        )
    # The framework reads the body again after the answer, which must not break it.
    app.after_request(functions_framework.read_request)
    return app.test_client()


def post(endpoint: FlaskClient, body: Any, **headers: str) -> TestResponse:
    """Post a JSON body with the key."""
    return endpoint.post("/webhook/trigger_agent", json=body, headers={"X-Webhook-API-Key": KEY, **headers})


def firing(**changes: Any) -> dict[str, Any]:
    """One alert of checkout as Grafana sends it."""
    alert: dict[str, Any] = {
        "status": "firing",
        "labels": {"alertname": "HighErrorRate", "service_name": "checkout"},
        "annotations": {"summary": "5 % errors"},
        "startsAt": "2026-01-31T07:58:00Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": "c6eadffa33fcdf37",
        "values": {"A": 0.05},
        "generatorURL": "https://grafana.example/alerting/1/edit",
    }
    return {**alert, **changes}


def message_of(reply: TestResponse) -> str:
    """Return the message of a refusal."""
    return str(reply.get_json()["message"])


def test_plain_body_becomes_one_alert(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """A plain curl body is accepted: the window ends at arrival and starts lookup_window_seconds before."""
    reply = post(endpoint, {"service_name": "checkout-api", "lookup_window_seconds": 3600, "title": "ignored"})

    (alert,) = topic.published
    assert reply.status_code == 202
    assert reply.get_json() == {
        "status": "accepted",
        "incidents": [{"incident_id": alert.incident_id, "service_name": "checkout-api", "status": "firing"}],
    }
    assert (alert.start, alert.end) == (NOW - timedelta(hours=1), NOW)
    assert (alert.lookup_window_s, alert.user_id) == (3600, "grafana_webhook")
    assert alert.incident_id.startswith("inc-20260131-")


def test_window_defaults_to_the_setting(
    endpoint: FlaskClient, topic: FakePubsub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LOOKUP_WINDOW_SECONDS applies where the body has no window, 900 where it is unset."""
    post(endpoint, {"service_name": "a"})
    monkeypatch.setenv("LOOKUP_WINDOW_SECONDS", "60")
    post(endpoint, {"service_name": "b"})

    assert [alert.lookup_window_s for alert in topic.published] == [900, 60]


def test_past_incident_is_replayed_from_end_time(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """With `end_time` the window is in the past; repository and branch are passed on."""
    body = {"service_name": "a", "end_time": "2025-12-24T10:00:00+01:00", "github_repo": "https://github.com/o/r.git"}
    post(endpoint, {**body, "github_base_branch": "release", "commit": "4f3a2b1"})

    (alert,) = topic.published
    assert alert.end == datetime(2025, 12, 24, 9, 0, tzinfo=UTC)
    assert (alert.github_repo, alert.github_base_branch, alert.commit) == ("o/r", "release", "4f3a2b1")


@pytest.mark.parametrize("value", [0, -1, "abc", True, 604_801, 1.5, [], "9" * 8, "-5", "١٢"])
def test_wrong_window_is_rejected_by_name(endpoint: FlaskClient, topic: FakePubsub, value: Any) -> None:
    """A window that is not a whole number of seconds up to seven days is a 400 that names the field."""
    reply = post(endpoint, {"service_name": "a", "lookup_window_seconds": value})

    assert reply.status_code == 400
    assert "lookup_window_seconds" in message_of(reply)
    assert topic.published == []


def test_window_of_nan_is_rejected(endpoint: FlaskClient) -> None:
    """NaN, which Python's JSON parser accepts, is not a number of seconds."""
    headers = {"X-Webhook-API-Key": KEY}

    reply = endpoint.post("/", data=b'{"service_name": "a", "lookup_window_seconds": NaN}', headers=headers)

    assert reply.status_code == 400
    assert "lookup_window_seconds" in message_of(reply)


@pytest.mark.parametrize("value", ["3600", 3600.0, 3600])
def test_window_may_be_written_as_text(endpoint: FlaskClient, topic: FakePubsub, value: Any) -> None:
    """Grafana templates write only strings, so quoted digits count as a number."""
    post(endpoint, {"service_name": "a", "lookup_window_seconds": value})

    assert topic.published[0].lookup_window_s == 3600


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"service_name": 7}, "service_name"),
        ({"service_name": ""}, "service_name"),
        ({"service_name": " \n"}, "service_name"),
        ({"service_name": "x" * 201}, "service_name"),
        ({"end_time": "2026-01-31 08:00"}, "end_time"),
        ({"end_time": "2027-01-31T08:00:00Z"}, "end_time"),
        ({"end_time": 12}, "end_time"),
        ({"github_repo": "not a repo"}, "github_repo"),
        ({"alerts": []}, "alerts"),
        ({"alerts": "x"}, "alerts"),
        ({"alerts": [1]}, "alerts"),
    ],
)
def test_wrong_field_is_rejected_by_name(endpoint: FlaskClient, change: dict[str, Any], field: str) -> None:
    """Each malformed field is a 400 that names it."""
    reply = post(endpoint, {"service_name": "a", **change})

    assert reply.status_code == 400
    assert field in message_of(reply)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b"1" * 5000])
def test_body_that_is_not_json_is_rejected(endpoint: FlaskClient, body: bytes) -> None:
    """Whatever is posted, the worst answer is a 400."""
    assert endpoint.post("/", data=body, headers={"X-Webhook-API-Key": KEY}).status_code == 400


@pytest.mark.parametrize("body", [[], "x", 1, None, {}])
def test_body_without_a_service_is_rejected(endpoint: FlaskClient, body: Any) -> None:
    """JSON that names no service is a 400."""
    assert post(endpoint, body).status_code == 400


def test_missing_or_wrong_key_is_forbidden(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """No key, a wrong key or a non-ASCII key is a 403 and publishes nothing."""
    for headers in ({}, {"X-Webhook-API-Key": "wrong"}, {"Authorization": "Bearer wrong"}, {"X-Webhook-API-Key": "é"}):
        assert endpoint.post("/", json={"service_name": "a"}, headers=headers).status_code == 403
    assert topic.published == []


def test_key_may_be_a_bearer_token(endpoint: FlaskClient) -> None:
    """Alertmanager's `authorization` setting is enough to get in."""
    headers = {"Authorization": f"Bearer {KEY}"}

    assert endpoint.post("/", json={"service_name": "a"}, headers=headers).status_code == 202


def test_endpoint_without_a_configured_key_is_misconfigured(
    endpoint: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no key configured every sender is refused, and the answer names the variable."""
    monkeypatch.setenv("WEBHOOK_API_KEY", "")

    reply = post(endpoint, {"service_name": "a"}, **{"X-Webhook-API-Key": ""})

    assert reply.status_code == 500
    assert "WEBHOOK_API_KEY" in message_of(reply)


def test_only_post_to_its_paths_is_accepted(endpoint: FlaskClient) -> None:
    """Other methods are 405, other paths 404; GET /healthz says alive without a key."""
    assert endpoint.get("/webhook/trigger_agent").status_code == 405
    assert endpoint.delete("/").status_code == 405
    assert endpoint.post("/elsewhere", json={}).status_code == 404
    assert endpoint.get("/healthz").get_json() == {"status": "alive"}


def test_oversize_body_is_refused(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """More than 4 MB are a 413."""
    assert post(endpoint, {"service_name": "a", "title": "x" * 4_194_304}).status_code == 413
    assert topic.published == []


@pytest.mark.parametrize("failure", [Unavailable("x"), Uncertain("x"), Refused("x")])
def test_failed_publish_answers_503_so_that_the_sender_retries(
    endpoint: FlaskClient, topic: FakePubsub, failure: IncidentCopilotError
) -> None:
    """No 202 unless Pub/Sub has the alert: after a 503 Alertmanager and Grafana send it again."""
    topic.failure = failure

    assert post(endpoint, {"service_name": "a"}).status_code == 503


def test_every_field_of_a_grafana_alert_is_read(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Name, summary, labels, values, links and times of a Grafana alert reach the contract."""
    post(
        endpoint,
        {"receiver": "r", "status": "firing", "alerts": [firing(panelURL="https://g.example/d/1?viewPanel=2")]},
    )

    (alert,) = topic.published
    assert (alert.service_name, alert.alert_name, alert.summary) == ("checkout", "HighErrorRate", "5 % errors")
    assert alert.started_at == datetime(2026, 1, 31, 7, 58, tzinfo=UTC)
    assert (alert.values, alert.fingerprint) == ({"A": 0.05}, "c6eadffa33fcdf37")
    assert alert.dashboard_url == "https://g.example/d/1?viewPanel=2"
    assert alert.generator_url == "https://grafana.example/alerting/1/edit"


def test_same_alert_sent_again_is_the_same_incident(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Fingerprint and startsAt make the id, so a repeated webhook is recognised; another start is another incident."""
    post(endpoint, {"alerts": [firing()]})
    post(endpoint, {"alerts": [firing(annotations={"summary": "still"})]})
    post(endpoint, {"alerts": [firing(startsAt="2026-01-31T07:59:00Z")]})

    first, again, later = (alert.incident_id for alert in topic.published)
    assert first == again != later


def test_each_plain_body_is_a_new_incident(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """A body that identifies no alert is a new incident each time."""
    post(endpoint, {"service_name": "a"})
    post(endpoint, {"service_name": "a"})

    assert len({alert.incident_id for alert in topic.published}) == 2


def test_resolution_is_published_as_a_separate_alert(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Firing and resolved alerts of one service are published separately, under different ids."""
    post(endpoint, {"alerts": [firing(), firing(status="resolved"), firing(fingerprint="other")]})

    assert sorted(alert.status for alert in topic.published) == ["firing", "resolved"]
    assert len({alert.incident_id for alert in topic.published}) == 2


def test_alerts_of_one_service_are_one_incident(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """A group has the id of the alert that started first, so it stays when others join; the summary counts them."""
    later = firing(
        startsAt="2026-01-31T07:59:30Z", fingerprint="b", labels={"alertname": "Slow", "service": "checkout"}
    )
    post(endpoint, {"alerts": [firing()]})
    post(endpoint, {"alerts": [later, firing()]})

    alone, grouped = topic.published
    assert grouped.incident_id == alone.incident_id
    assert grouped.alert_name == "HighErrorRate"
    assert "1 more alert" in grouped.summary
    assert "Slow" in grouped.summary


def test_each_service_of_a_body_is_published(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """One message for each service; one without is about its rule, and the answer says what names nothing."""
    alerts = [firing(labels={"service_name": name}) for name in ("a", "b")]

    reply = post(endpoint, {"alerts": [*alerts, firing(labels={"alertname": "Lost"}), firing(labels={})]})

    assert [(alert.service_name, alert.names_service) for alert in topic.published] == [
        ("a", True),
        ("b", True),
        ("Lost", False),
    ]
    assert "service_name, service, app" in reply.get_json()["refused"][0]


@pytest.mark.parametrize(
    ("labels", "about"),
    [
        ({"alertname": "HostDiskFull", "instance": "db-1:9100", "mountpoint": "/var"}, "db-1"),
        ({"alertname": "NodeNotReady", "node": "pool-a-7"}, "pool-a-7"),
        ({"alertname": "MEMORY USED", "__alert_rule_uid__": "_2d"}, "MEMORY USED"),
        ({"alertname": "X", "service": "<no value>"}, "X"),
    ],
    ids=str,
)
def test_alert_without_a_service_is_about_what_its_labels_name(
    endpoint: FlaskClient, topic: FakePubsub, labels: dict[str, str], about: str
) -> None:
    """Senders do not repeat what is refused, so that nobody would ever learn of it."""
    reply = post(endpoint, {"alerts": [firing(labels=labels)]})

    assert reply.status_code == 202
    (alert,) = topic.published
    assert (alert.service_name, alert.names_service) == (about, False)


@pytest.mark.parametrize("labels", [{}, {"severity": "critical"}, {"service": "[no value]"}], ids=str)
def test_alert_that_names_nothing_is_refused_naming_the_labels(
    endpoint: FlaskClient, topic: FakePubsub, labels: dict[str, str]
) -> None:
    """The answer names the labels that were checked."""
    reply = post(endpoint, {"alerts": [firing(labels=labels)]})

    assert (reply.status_code, topic.published) == (400, [])
    assert "service_name, service, app" in message_of(reply)


MEASURED_BY = {"service": "kube-prometheus-stack-kube-state-metrics", "job": "kube-state-metrics"}


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        ({**MEASURED_BY, "namespace": "shop", "pod": "orders-7d9f5c6b8-x2x4q", "container": "orders"}, "orders"),
        ({**MEASURED_BY, "namespace": "shop", "pod": "orders-7d9f5c6b8-x2x4q", "container": "istio-proxy"}, "orders"),
        ({**MEASURED_BY, "namespace": "shop", "deployment": "checkout-api"}, "checkout-api"),
        ({**MEASURED_BY, "namespace": "db", "statefulset": "postgres", "pod": "postgres-0"}, "postgres"),
        ({**MEASURED_BY, "namespace": "db", "pod": "postgres-12", "container": "exporter"}, "postgres"),
        ({**MEASURED_BY, "namespace": "logs", "daemonset": "promtail"}, "promtail"),
        ({**MEASURED_BY, "namespace": "jobs", "job_name": "invoices-28990121"}, "invoices-28990121"),
        ({"service": "kubelet", "job": "kubelet", "pod": "cart-6c8d9f7b5d-9v2kx", "container": "cart"}, "cart"),
        ({"service": "orders-http", "pod": "orders-7d9f5c6b8-x2x4q", "container": "app"}, "orders-http"),
        ({"job": "shop/orders", "pod": "orders-7d9f5c6b8-x2x4q"}, "shop/orders"),
        ({"service": "orders", "job": "node"}, "orders"),
        ({"service_name": "named", "pod": "orders-7d9f5c6b8-x2x4q"}, "named"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("pod", ""),
)
def test_service_of_a_kubernetes_alert_is_the_workload(
    endpoint: FlaskClient, topic: FakePubsub, labels: dict[str, str], service: str
) -> None:
    """`service` and `job` name what measured it, unless they agree with what runs."""
    post(endpoint, {"alerts": [firing(labels={"alertname": "Kube", **labels})]})

    (alert,) = topic.published
    assert (alert.service_name, alert.names_service) == (service, True)


def test_service_labels_are_a_setting(
    endpoint: FlaskClient, topic: FakePubsub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SERVICE_LABELS names other labels, in their order."""
    monkeypatch.setenv("SERVICE_LABELS", '["team", "zone"]')

    post(endpoint, {"alerts": [firing(labels={"service": "x", "zone": "z", "team": "t"})]})

    assert topic.published[0].service_name == "t"


def test_common_labels_and_the_service_of_the_body_fill_gaps(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Labels common to a body count for each alert; a service_name next to the alerts is their default."""
    post(endpoint, {"alerts": [firing(labels={})], "commonLabels": {"alertname": "Common", "job": "api"}})
    post(endpoint, {"alerts": [firing(labels={})], "service_name": "named"})

    assert [alert.service_name for alert in topic.published] == ["api", "named"]
    assert topic.published[0].alert_name == "Common"


def test_window_starts_before_an_alert_that_fired_long_ago(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """An alert that fired before the window moves its start to before the alert, seven days at most."""
    post(endpoint, {"alerts": [firing(startsAt="2026-01-31T06:00:00Z")]})
    post(endpoint, {"alerts": [firing(startsAt="2020-01-01T00:00:00Z")]})

    assert topic.published[0].start == datetime(2026, 1, 31, 5, 45, tzinfo=UTC)
    assert topic.published[1].start == NOW - timedelta(days=7)
    assert topic.published[1].lookup_window_s == 604_800


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T07:58:00.123456789Z", datetime(2026, 1, 31, 7, 58, 0, 123456, tzinfo=UTC)),
        ("2026-01-31T09:58:00+02:00", datetime(2026, 1, 31, 7, 58, tzinfo=UTC)),
        ("2026-01-31 07:58:00.5 +0000 UTC m=+8560.28", datetime(2026, 1, 31, 7, 58, 0, 500000, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01 00:00:00 +0000 UTC", None),
        ("0001-01-01T00:00:00+02:00", None),
        ("2026-02-30T00:00:00Z", None),
        ("2026-01-31T07:58:00", None),
        ("yesterday", None),
        (None, None),
        (1769846280, None),
    ],
)
def test_start_is_read_in_every_form_senders_use(
    endpoint: FlaskClient, topic: FakePubsub, text: Any, expected: datetime | None
) -> None:
    """RFC 3339 and Go's own form are read; an unreadable time or Go's zero time counts as missing."""
    post(endpoint, {"alerts": [firing(startsAt=text)]})

    assert topic.published[0].started_at == expected


@pytest.mark.parametrize(
    ("labels", "commit"),
    [
        ({"commit": "4f3a2b1"}, "4f3a2b1"),
        ({"version": "v1.2.3", "git_sha": "4f3a2b1"}, "4f3a2b1"),
        ({"image": "registry.example:5000/shop/checkout:v1.2.3@sha256:00"}, "v1.2.3"),
        ({"image": "registry.example:5000/shop/checkout"}, None),
        ({"version": "latest"}, None),
    ],
)
def test_deployed_commit_is_read_from_labels(
    endpoint: FlaskClient, topic: FakePubsub, labels: dict[str, str], commit: str | None
) -> None:
    """The commit or tag in the labels is passed on; a moving tag such as latest is not."""
    post(endpoint, {"alerts": [firing(labels={"service": "a", **labels})]})

    assert topic.published[0].commit == commit


def test_hostile_fields_are_limited(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Odd types, control characters, NaN and thousands of long labels are limited to the contract and 32 KB."""
    labels: dict[str, Any] = {f"l{n}": "\u20ac\x00\ud800" * 100 for n in range(60)}
    labels |= {"n": {"deep": [1]}, "service_name": "pay\x1bments\nEU", "alertname": 5}
    alert = firing(labels=labels, annotations={f"a{n}": "\U0001f525" * 200 for n in range(40)}, fingerprint=12)
    alert |= {"values": {"A": float("nan"), "B": "x", "C": True, "D": 10**400, "E": 1}, "generatorURL": "javascript:1"}

    reply = post(endpoint, {"alerts": [alert]})

    (published,) = topic.published
    assert reply.status_code == 202
    assert published.service_name == "pay ments EU"
    assert (published.alert_name, published.fingerprint) == ("5", "12")
    assert published.values == {"A": None, "B": None, "C": None, "D": None, "E": 1.0}
    assert published.generator_url == ""
    assert len(published.model_dump_json().encode()) < 30_000


@pytest.mark.parametrize("depth", [101, 500, 100_000])
@pytest.mark.parametrize("place", ["labels", "annotations", "values"])
def test_deep_body_is_refused_with_the_reason(endpoint: FlaskClient, topic: FakePubsub, place: str, depth: int) -> None:
    """No sender nests so; a walk over it would end in a 500."""
    alert = json.dumps(firing()).removesuffix("}") + f', "{place}": {{"a": {"[" * depth + "]" * depth}}}}}'

    reply = endpoint.post("/webhook/trigger_agent", data=f'{{"alerts": [{alert}]}}', headers={"X-Webhook-API-Key": KEY})

    assert reply.status_code == 400
    assert "nested deeper than 100 values" in reply.get_data(as_text=True)
    assert not topic.published


def test_values_are_read_from_the_text_of_older_versions(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Grafana before version 9 sends them as text alone; labels may hold quotes and brackets."""
    text = (
        """[ var='B' metric='up{job="a, b"}' labels={instance=x:1, q=[ value=3 ]} value=2.47e+09 ], """
        "[ var='C' labels={} value=1 ], [ metric='foo' labels={} value=-0.5 ], [ var='N' labels={} value=NaN ]"
    )
    alert = {**firing(), "values": None, "valueString": text}

    post(endpoint, {"alerts": [alert]})

    assert topic.published[0].values == {"B": 2.47e9, "C": 1.0, "foo": -0.5}


def test_body_with_too_many_services_is_refused(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """More than a thousand services in one body are a 400 with a reason, and none is published."""
    reply = post(endpoint, {"alerts": [firing(labels={"app": f"s{n}"}, annotations={}) for n in range(1_001)]})

    assert reply.status_code == 400
    assert "1000" in message_of(reply)
    assert topic.published == []


def test_sixty_services_of_one_body_are_all_published(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """A cluster that loses a node alerts on all that ran there, in one notification."""
    reply = post(endpoint, {"alerts": [firing(labels={"app": f"s{n}"}) for n in range(60)]})

    assert reply.status_code == 202
    assert len(topic.published) == len(reply.get_json()["incidents"]) == 60


def test_legacy_grafana_alert_is_read(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """An alert of Grafana before version 8 names its service in a tag; `ok` is a resolution."""
    body = {"ruleName": "Errors", "state": "ok", "tags": {"service": "a"}, "message": "m", "ruleUrl": "http://g/1"}
    post(endpoint, {**body, "evalMatches": [{"metric": "rate", "value": 2, "tags": {"job": "b"}}]})

    (alert,) = topic.published
    assert (alert.service_name, alert.status, alert.alert_name) == ("a", "resolved", "Errors")
    assert (alert.summary, alert.values, alert.generator_url) == ("m", {"rate": 2.0}, "http://g/1")


def test_template_that_found_no_label_names_no_service(endpoint: FlaskClient, topic: FakePubsub) -> None:
    """Grafana writes `<no value>` where the rule lacks the label: that is no service."""
    reply = post(endpoint, {"service_name": "<no value>"})

    assert reply.status_code == 400
    assert topic.published == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
ALERT_KEYS = ("status", "labels", "annotations", "startsAt", "fingerprint", "values", "generatorURL", "valueString")
BODY_KEYS = ("service_name", "commonLabels", "groupLabels", "status", "state", "tags", "evalMatches", "ruleName")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    body=st.dictionaries(st.sampled_from(BODY_KEYS), JSON),
    alerts=st.lists(st.dictionaries(st.sampled_from(ALERT_KEYS), JSON), max_size=3) | JSON,
)
def test_any_json_is_read_or_rejected(body: dict[str, Any], alerts: Any) -> None:
    """Whatever the types of the fields, the answer is alerts within the contract or a refusal with a reason."""
    rules = Rules(NOW, "nonce", ("service",), 900, "someone")
    for whole in ({**body, "alerts": alerts}, body, alerts):
        with contextlib.suppress(Rejected):
            for alert in read(whole, rules).alerts:
                assert Alert.model_validate_json(alert.model_dump_json()) == alert


@pytest.mark.skipif(not PAYLOADS.is_dir(), reason="needs the recorded webhook bodies next to the repository")
@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*.json")), ids=lambda path: str(path.stem))
def test_recorded_bodies_are_accepted_or_refused_with_a_reason(
    endpoint: FlaskClient, topic: FakePubsub, path: Path
) -> None:
    """Every real body is accepted with an alert for each service, or refused naming the labels that were checked."""
    reply = post(endpoint, json.loads(path.read_text()))

    if reply.status_code == 202:
        assert len(topic.published) == len(reply.get_json()["incidents"]) > 0
    else:
        assert reply.status_code == 400
        assert "service_name" in message_of(reply)
    with_team = endpoint.application.test_client()
    body = {**json.loads(path.read_text()), "service_name": "named"}
    assert post(with_team, body).status_code == 202
