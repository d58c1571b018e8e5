"""incident_detection: what the telemetry shows, and what it cannot show."""

import inspect
from datetime import timedelta

from pytest_mock import MockerFixture

from functions.incident_detection.main import incident_detection as step
from shared.contracts import DetectionRequest, Incident
from shared.errors import Unavailable
from shared.telemetry.port import LogLine
from tests.builders import NOW, an_alert
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
