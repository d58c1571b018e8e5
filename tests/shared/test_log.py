"""Process logs: one JSON line per event."""

import json

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
