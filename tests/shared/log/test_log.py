"""Process logs: one JSON line per event."""

import json
from contextvars import copy_context
from typing import Any

import flask
import pytest

from shared import log


def test_line_holds_no_secret_whatever_made_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A library's error may quote an address with a password; the line stays JSON."""
    error = ValueError("could not reach postgresql://app:hunter2x@db:5432/orders")

    with log.bound(service_name="shop", api_key=12345678):
        log.error("telemetry.failed", error=error, lines=17, tokens_in=812, detail={"db_password": "swordfish"})

    text = capsys.readouterr().out
    line = json.loads(text)
    assert "hunter2x" not in text
    assert "swordfish" not in text
    assert "12345678" not in text
    assert (line["message"], line["lines"], line["tokens_in"], line["service_name"]) == (
        "telemetry.failed",
        17,
        812,
        "shop",
    )


def test_ordinary_line_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Ids, names and numbers are no secrets."""
    log.info("step.ended", incident_id="inc-20260504-024500-a1b2c3", model="gemini-3.8-flash", cost_usd=0.0123)

    assert json.loads(capsys.readouterr().out)["incident_id"] == "inc-20260504-024500-a1b2c3"


TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the lines written so far."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def failing(error: Exception) -> None:
    """Raise an error."""
    raise error


def test_line_of_a_request_names_its_trace_and_labels(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Logs Explorer shows it under its request, and finds an incident's lines in every function by one label."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "example-project")

    request = flask.Flask("any").test_request_context(headers={"X-Cloud-Trace-Context": f"{TRACE}/10;o=1"})
    with request, log.bound(incident_id="inc-20260504-a1b2c3d4e5", service_name="shop", agent=""):
        copy_context().run(log.info, "telemetry.searched", lines=3)

    (line,) = lines_of(capsys)
    assert line["logging.googleapis.com/trace"] == f"projects/example-project/traces/{TRACE}"
    assert line["logging.googleapis.com/spanId"] == "000000000000000a"
    assert line["logging.googleapis.com/trace_sampled"] is True
    assert line["logging.googleapis.com/labels"] == {"incident_id": "inc-20260504-a1b2c3d4e5", "service_name": "shop"}
    assert (line["incident_id"], line["lines"]) == ("inc-20260504-a1b2c3d4e5", 3)


def test_line_outside_a_request_has_no_fields_of_a_trace(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor labels where nothing is bound."""
    log.info("stack.started")

    assert not any("googleapis" in key for key in lines_of(capsys)[0])


def test_error_carries_the_stack_trace_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Error Reporting counts each exception once, however many lines say it; a warning is no error."""
    for number in range(2):
        try:
            failing(ZeroDivisionError(f"division number {number}"))
        except ZeroDivisionError:
            log.warning("anything.skipped")
            log.error("step.ended")
            log.critical("step.bug")
    log.error("later.failed")

    texts = [line.get("stack_trace", "") for line in lines_of(capsys)]
    assert [bool(text) for text in texts] == [False, True, False] * 2 + [False]
    assert texts[1].startswith("Traceback (most recent call last):\n")
    assert texts[1].endswith("ZeroDivisionError: division number 0\n")


def test_stack_trace_ends_with_the_exception_however_long_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Deep frames and long messages are shortened, so that what is grouped by stays: the frames and the class."""

    def deep(depth: int) -> None:
        if depth:
            deep(depth - 1)
        raise ValueError("x" * 100_000)

    try:
        deep(200)
    except ValueError:
        log.error("step.ended")

    text = lines_of(capsys)[0]["stack_trace"]
    assert text.startswith("Traceback (most recent call last):\n")
    assert "in deep" in text
    assert "\nValueError: xxx" in text
    assert len(text) <= log.MAX_STACK_TRACE


def test_stack_trace_holds_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """It is redacted as the whole line is."""
    try:
        failing(ConnectionError("postgresql://app:hunter2x@db:5432/orders"))
    except ConnectionError:
        log.error("step.ended")

    assert "hunter2x" not in capsys.readouterr().out
