"""Every function that a request reaches writes its lines under the request's trace."""

import json

import flask
import pytest
from flask.testing import FlaskClient

from functions.alert_intake.main import alert_intake
from functions.rca.main import rca
from shared.contracts import StepCall
from tests.builders import an_alert
from tests.functions.test_alert_intake import KEY, FakePubsub, topic
from tests.step_calls import signed

__all__ = ["topic"]

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"X-Cloud-Trace-Context": f"{TRACE}/10;o=1", "X-Webhook-API-Key": KEY}


def client(function: object, name: str) -> FlaskClient:
    """Return a client of one function."""
    app = flask.Flask(name)
    app.add_url_rule("/", view_func=lambda: function(flask.request), methods=["POST"], endpoint=name)  # type: ignore[operator]
    return app.test_client()


def test_alert_that_is_accepted_is_logged_under_its_request(
    topic: FakePubsub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the incident's label too, where the line is about one incident."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "example-project")

    client(alert_intake, "intake").post("/", json={"service_name": "shop"}, headers=HEADERS)

    line = json.loads(capsys.readouterr().out)
    assert line["message"] == "alert_intake.published"
    assert line["logging.googleapis.com/trace"] == f"projects/example-project/traces/{TRACE}"
    assert line["logging.googleapis.com/spanId"] == "000000000000000a"


def test_bug_of_a_step_is_grouped_by_its_stack_trace(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody foresaw is one line with the stack trace, the trace of the request, and an answer that names it."""
    monkeypatch.setattr("shared.traces.connect", lambda: 1 / 0)

    call = StepCall(incident=signed(an_alert())).model_dump(mode="json")

    reply = client(rca, "rca").post("/", json=call, headers=HEADERS)

    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert (reply.status_code, line["message"], line["error_type"]) == (500, "step.bug", "ZeroDivisionError")
    assert "ZeroDivisionError: division by zero" in line["stack_trace"]
    assert line["logging.googleapis.com/trace"].endswith(TRACE)
