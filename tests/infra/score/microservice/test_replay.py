"""A replay is the product's own path: alert labels in, its telemetry adapters, detection and causes out."""

import os
from pathlib import Path

import pytest

from infra.local.sandboxes.gemini.server import API_KEY, GeminiSandbox
from infra.score.microservice.cases import folders, read
from infra.score.microservice.replay import Answered, alert_on, metrics_of, replay
from shared.telemetry.port import NO_METRICS_STORE
from tests.infra.score.microservice.small_cases import END, START, two_cases

BODY = {"service_name": "other", "lookup_window_seconds": 240, "end_time": "2026-05-04T03:03:00Z"}


def answers(cases: Path, number: int, metrics: str) -> list[Answered]:
    """Return the answers to one of the two cases: 0 is the control."""
    return list(replay(read(folders(two_cases(cases))[number]), metrics))  # type: ignore[arg-type]  # a literal


@pytest.mark.parametrize(("label", "labels"), [("critical", {"severity": "critical"}), ("absent", {})])
def test_alert_carries_the_severity_label_or_none(label: str, labels: dict[str, str]) -> None:
    """The alert is about the service, in the case's window, and passed the intake."""
    alert = alert_on("shop", label, BODY)  # type: ignore[arg-type]  # a literal

    assert alert.labels == {"service_name": "shop", **labels}
    assert alert.service_name == "shop"
    assert (alert.end, (alert.end - alert.start).total_seconds()) == (END, 240)
    assert alert.started_at is not None
    assert START < alert.started_at < END


def test_every_service_is_alerted_on_with_every_label(tmp_path: Path) -> None:
    """The product reads the lines of that service alone, and explains what it calls an incident."""
    rows = answers(tmp_path, 1, "default queries")

    assert [(one.service, one.severity_label) for one in rows] == [
        (service, label) for service in ("mail", "shop", "stock") for label in ("critical", "warning", "absent")
    ]
    assert {one.service: one.incident.lines_read for one in rows} == {"mail": 90, "shop": 90, "stock": 150}
    assert {one.service for one in rows if one.incident.verdict == "incident"} == {"stock"}
    assert all((one.root_causes is not None) == one.incident.needs_response for one in rows)


def test_metrics_are_read_by_their_words_and_by_the_operators_queries(tmp_path: Path) -> None:
    """The exporter's names are unconventional: its words are read, or PROMETHEUS_QUERIES set as its operator would."""
    guessed = answers(tmp_path / "a", 1, "default queries")[-1]
    read_ = answers(tmp_path / "b", 1, "operator's queries")[-1]

    assert [one.metric for one in guessed.incident.error_summary.metric_anomalies] == ["latency"]
    assert [one.metric for one in read_.incident.error_summary.metric_anomalies] == ["latency_p95"]


def test_controls_are_replayed_without_metrics_and_with_healthy_ones(tmp_path: Path) -> None:
    """Without metrics the few lines of a control prove nothing; healthy ones do."""
    control = read(folders(two_cases(tmp_path))[0])

    incidents = {metrics: next(replay(control, metrics)).incident for metrics in metrics_of(control)}

    assert incidents["none"].missing[-1] == NO_METRICS_STORE
    assert (incidents["none"].verdict, incidents["generated healthy"].verdict) == ("cannot_tell", "healthy")
    assert "In their usual range" in incidents["generated healthy"].health[0]


def test_offline_analyst_answers_whatever_is_configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of this machine is not used, and its settings are as before afterwards."""
    with GeminiSandbox() as gemini:
        monkeypatch.setenv("GEMINI_API_KEY", API_KEY)
        monkeypatch.setenv("GEMINI_BASE_URL", gemini.url)
        monkeypatch.setenv("LOKI_SERVICE_LABEL", "app")
        before = dict(os.environ)
        rows = answers(tmp_path, 1, "none")
        requests = list(gemini.requests)

    assert requests == []
    assert {one.incident.lines_read for one in rows} == {90, 150}
    assert dict(os.environ) == before
