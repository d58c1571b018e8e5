"""Annotations in Grafana that report deployments: shown with their source, and never in the way."""

import inspect
from collections.abc import Iterator
from datetime import timedelta

import pytest

from functions.incident_detection.main import incident_detection as detection_step
from infra.local.sandboxes.grafana.server import GrafanaSandbox
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.loki.server import LokiSandbox
from shared.contracts import DetectionRequest, Incident
from shared.telemetry.port import NO_METRICS_STORE
from tests.builders import NOW, an_alert

incident_detection = inspect.unwrap(detection_step)
ONSET = NOW - timedelta(minutes=4)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def grafana(monkeypatch: pytest.MonkeyPatch) -> Iterator[GrafanaSandbox]:
    """A Grafana with two annotations, beside a Loki whose lines begin to fail."""
    marks = [(1, "Deployed checkout-api 2.15.0, token=hunter2hunter2", ["deploy"]), (2, "payments 7", ["release"])]
    annotations = [
        {
            "time": int((ONSET - ago * MINUTE).timestamp() * 1000),
            "text": text,
            "tags": tags,
            "dashboardUID": "d",
        }
        for ago, text, tags in marks
    ]
    quiet = [(NOW - timedelta(seconds=900 - n), f"INFO served order {n}") for n in range(0, 890, 5)]
    loud = [(ONSET + timedelta(seconds=n), "ERROR cannot price the order") for n in range(0, 230, 5)]
    values = [[str(int(at.timestamp() * 1e9)), text] for at, text in sorted([*quiet, *loud])]
    with LokiSandbox() as loki, GrafanaSandbox(token="t0ken", annotations=annotations) as sandbox:
        loki.load({"streams": [{"stream": {"service_name": "checkout-api", "pod": "a"}, "values": values}]})
        monkeypatch.setenv("GRAFANA_HOST", loki.url)
        monkeypatch.setenv("GRAFANA_URL", sandbox.url)
        monkeypatch.setenv("GRAFANA_TOKEN", "t0ken")
        monkeypatch.setenv("PROMETHEUS_TIMEOUT_S", "1")
        yield sandbox


def detected() -> Incident:
    """Return what the alert ends in."""
    answer = incident_detection(DetectionRequest(alert=an_alert()))
    assert isinstance(answer, Incident)
    return answer


def test_annotations_are_changes_with_their_dashboard(grafana: GrafanaSandbox) -> None:
    """Ranked by closeness to the onset, redacted, and those of others are said to be so."""
    incident = detected()

    first, second = incident.what_changed
    assert first.what.startswith("An annotation in Grafana says: Deployed checkout-api 2.15.0, token=")
    assert "hunter2" not in incident.model_dump_json()
    assert second.what.endswith("payments 7 (tags: release). It does not name checkout-api.")
    assert (first.kind, first.link) == ("reported", f"{grafana.url}/d/d")
    assert [piece.text for piece in incident.evidence if piece.id == first.evidence_id] == [first.what]
    assert incident.hints == [NO_METRICS_STORE]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply.of_json({"message": "Permission denied"}, 403), "GRAFANA_TOKEN needs the permission annotations:read."),
        (Reply.of_json({"message": "Not found"}, 404), "404"),
        (Reply.of_json({"message": "Internal error"}, 500), "500"),
        (Reply.of_json([]).held(9), "did not answer"),
        (Reply.of_json({"garbage": 1}), "unknown format"),
    ],
)
def test_fault_of_grafana_is_a_hint(grafana: GrafanaSandbox, reply: Reply, says: str) -> None:
    """The incident is read as before, and is not degraded."""
    grafana.fail_next(reply, reply, reply)

    incident = detected()

    assert (incident.verdict, incident.degraded, incident.what_changed) == ("incident", None, [])
    hint, metrics = incident.hints
    assert metrics == NO_METRICS_STORE
    assert hint.startswith("Grafana's annotations were not read: ")
    assert says in hint
