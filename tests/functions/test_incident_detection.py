"""incident_detection: what the telemetry shows, and what it cannot show."""

import inspect
from datetime import timedelta

import pytest
from pytest_mock import MockerFixture

from functions.incident_detection.early_brief import is_sent_early
from functions.incident_detection.main import incident_detection as step
from shared.contracts import DetectionRequest, Incident
from shared.errors import Misconfigured, Unavailable
from shared.telemetry.port import NO_LOG_STORE, LogLine
from tests.builders import NOW, an_alert
from tests.functions import post_process_requests as requests
from tests.functions.model_path import FixedLogs

incident_detection = inspect.unwrap(step)
ERROR = "ERROR payment failed: ZeroDivisionError: division by zero"


def _detected(mocker: MockerFixture, logs: object) -> Incident:
    mocker.patch("shared.telemetry.connect_logs", return_value=logs)
    mocker.patch("shared.telemetry.connect_metrics", return_value=None)
    answer = incident_detection(DetectionRequest(alert=an_alert()))
    assert isinstance(answer, Incident)
    return answer


def test_errors_that_start_in_the_window_are_an_incident_with_evidence(mocker: MockerFixture) -> None:
    """The evidence is the line itself, and the query that found it."""
    quiet = [LogLine(NOW - timedelta(seconds=900 - n), 0, f"INFO served order {n}") for n in range(0, 600, 5)]
    loud = [LogLine(NOW - timedelta(seconds=290 - n), 0, ERROR) for n in range(0, 280, 2)]

    incident = _detected(mocker, FixedLogs((*quiet, *loud)))

    assert incident.needs_response
    assert any(ERROR in piece.text and piece.query for piece in incident.evidence)


def test_logs_that_cannot_be_read_are_never_a_dismissal(mocker: MockerFixture) -> None:
    """An outage of the log store must not hide the outage of a service."""
    logs = mocker.Mock()
    logs.search.side_effect = Unavailable("Loki is away")

    incident = _detected(mocker, logs)

    assert incident.recommendation == "proceed"
    assert "Loki is away" in (incident.degraded or "")


@pytest.mark.parametrize(
    ("setting", "severities"),
    [("critical,high", {"critical", "high"}), ("all", {"critical", "high", "medium", "low"}), ("off", set())],
)
def test_facts_go_out_early_for_the_severities_of_the_setting(
    monkeypatch: pytest.MonkeyPatch, setting: str, severities: set[str]
) -> None:
    """Only harm that the rules see is worth a message of its own."""
    monkeypatch.setenv("EARLY_BRIEF", setting)
    harm = {severity: requests.incident(severity=severity) for severity in ("critical", "high", "medium", "low")}

    assert {severity for severity, facts in harm.items() if is_sent_early(facts)} == severities
    unknown = requests.incident(severity="critical", verdict="cannot_tell", recommendation="proceed")
    assert not is_sent_early(unknown)


def test_unreadable_setting_of_the_early_brief_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt severity would silence it."""
    monkeypatch.setenv("EARLY_BRIEF", "critcal")

    with pytest.raises(Misconfigured, match="EARLY_BRIEF"):
        is_sent_early(requests.incident(severity="critical"))


def test_what_was_read_is_not_read_again(mocker: MockerFixture) -> None:
    """The run that judges rests on the run that read, and sends nothing early itself."""
    quiet = [LogLine(NOW - timedelta(seconds=900 - n), 0, f"INFO served order {n}") for n in range(0, 600, 5)]
    loud = [LogLine(NOW - timedelta(seconds=290 - n), 0, ERROR) for n in range(0, 280, 2)]
    mocker.patch("shared.telemetry.connect_metrics", return_value=None)
    connect = mocker.patch("shared.telemetry.connect_logs", return_value=FixedLogs((*quiet, *loud)))

    facts = incident_detection(DetectionRequest(alert=an_alert(), reads_only=True))
    connect.side_effect = AssertionError("read twice")
    judged = incident_detection(DetectionRequest(alert=an_alert(), facts=facts.replace(sends_early=True)))

    assert judged == facts.replace(sends_early=False)


@pytest.mark.parametrize(("host", "fails"), [("", False), ("no address", True)])
def test_log_store_that_nobody_named_has_not_failed(monkeypatch: pytest.MonkeyPatch, host: str, fails: bool) -> None:
    """It is said once what to set; one that is named wrongly is a failure."""
    monkeypatch.setenv("GRAFANA_HOST", host)

    answer = incident_detection(DetectionRequest(alert=an_alert()))

    assert (answer.degraded is not None) == fails
    assert (NO_LOG_STORE in answer.hints) != fails
    assert answer.verdict == "cannot_tell"
