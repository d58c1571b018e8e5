"""However Gemini fails, every step answers and there is a brief; a table at the end shows the result of each fault."""

import time
from datetime import timedelta

import pytest

from infra.local.sandboxes.gemini import faults
from infra.local.sandboxes.gemini.server import Fault, GeminiSandbox
from shared.model import gemini
from shared.telemetry.port import LogLine
from tests.builders import NOW, an_alert
from tests.conftest import FAULT_TABLE as TABLE
from tests.functions import model_path

TIMEOUT_S = 1.0
"""For each step; production timeouts are longer."""
TOLERATED = {"fenced_json"}
"""Faults that the system repairs without losing the answer."""
ONSET = NOW - timedelta(minutes=5)


def failing_logs(count: int = 40) -> model_path.FixedLogs:
    """Return the logs of a service whose own code fails from ONSET on."""
    calm = [_line(NOW - timedelta(minutes=14, seconds=-10 * n), "INFO GET /basket 200") for n in range(count)]
    bad = [_line(ONSET + timedelta(seconds=n), "ERROR pricing failed: division by zero") for n in range(count)]
    return model_path.FixedLogs((*calm, *bad))


def _line(at, text: str) -> LogLine:
    return LogLine(at, int(at.timestamp() * 1e9), text, {"service_name": "checkout-api"})


def _walk(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> tuple[model_path.Answers, float]:
    # The waits between attempts are tested with the adapter.
    monkeypatch.setattr(gemini, "FIRST_WAIT_S", 0.02)
    model_path.connect(monkeypatch, failing_logs())
    with GeminiSandbox(fault=fault) as server:
        model_path.use(monkeypatch, server, TIMEOUT_S)
        began = time.monotonic()
        return model_path.walk(an_alert()), time.monotonic() - began


@pytest.mark.parametrize("name", faults.NAMES)
def test_lasting_fault_ends_in_a_brief_that_says_so(monkeypatch, record_property, name: str) -> None:
    """Every answer is the offline analyst's and marked, and the brief is ready in time."""
    answers, seconds = _walk(monkeypatch, Fault(name))
    step_answers = (answers.incident, answers.causes, answers.advice, answers.solution)
    degraded = [answer.degraded for answer in step_answers if answer.degraded]
    record_property(TABLE, (f"{name}, always", (degraded or ["answered by the model"])[0][:110], seconds))

    assert "checkout-api" in answers.brief.html
    assert answers.brief.kind == ("full" if name in TOLERATED else "degraded")
    assert len(degraded) == (0 if name in TOLERATED else len(step_answers))
    assert all(answer.produced_by == "offline" for answer in step_answers) is (name not in TOLERATED)
    assert seconds < 5 * (2 * TIMEOUT_S + 1)


@pytest.mark.parametrize("name", ["429", "500", "503", "reset", "cut_json", "wrong_schema", "empty", "MAX_TOKENS",
                                  "MALFORMED_FUNCTION_CALL", "unknown_function"])  # fmt: skip
def test_transient_fault_loses_no_answer(monkeypatch, record_property, name: str) -> None:
    """One failure is retried or repaired, and the model answers."""
    answers, seconds = _walk(monkeypatch, Fault(name, calls=1))
    record_property(TABLE, (f"{name}, once", f"answered by {answers.incident.produced_by}", seconds))

    assert answers.incident.produced_by.startswith("gemini:")
    assert answers.brief.kind == "full"
