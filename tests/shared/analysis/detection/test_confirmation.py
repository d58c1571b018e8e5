"""What no user of the service can write, and what speaks against the text of its log."""

import json
from datetime import datetime, timedelta

import pytest

from shared.analysis.detection.detect import detect
from shared.contracts import Incident
from shared.telemetry.port import (
    BY_WORDS,
    FROM_LINES,
    AlertCondition,
    ConditionReading,
    LogLine,
    LogPage,
    Measured,
    Series,
)
from tests.builders import NOW, an_alert

START, ONSET = NOW - timedelta(minutes=15), NOW - timedelta(minutes=5)
TRACE = 'Traceback (most recent call last):\n  File "/app/cart.py", line 7, in total\n    sum(x)\nKeyError: 1'
OTHER = TRACE.replace("cart", "stock")
CHAIN = f"{OTHER}\n\nDuring handling of the above exception, another exception occurred:\n\n{TRACE}"
ALERT = an_alert()


def lines_of(text: str, calm: str = "INFO GET /cart/{n} 200", times: int = 15) -> list[LogLine]:
    """Return calm lines, and the text again and again since the onset."""
    calm_lines = [(START + timedelta(seconds=3 * n), calm.replace("{n}", str(n))) for n in range(300)]
    noisy = [(ONSET + timedelta(seconds=20 * n + 1), text) for n in range(times)]
    return [LogLine(at, 0, one, {"service_name": "checkout-api"}) for at, one in sorted(calm_lines + noisy)]


def detected(text: str = f"ERROR failed\n{TRACE}", *series: Series, **facts: object) -> Incident:
    """Return what is detected where the text comes again and again."""
    calm, is_complete = str(facts.get("calm", "INFO GET /cart/{n} 200")), bool(facts.get("is_complete", True))
    page = LogPage(tuple(lines_of(text, calm, int(str(facts.get("times", 15))))), "{x}", is_complete)
    return detect(ALERT, page, series, [], (), facts.get("condition"))  # type: ignore[arg-type]


def points(before: float, after: float, since: datetime = ONSET) -> tuple[tuple[datetime, float], ...]:
    """Return points over the window that change at a time."""
    times = [START + timedelta(seconds=15 * n) for n in range(61)]
    return tuple((at, after if at > since else before) for at in times)


def a_series(name: str, before: float, after: float, unit: str = "ratio", **changes: object) -> Series:
    """Return a series that changes at the onset."""
    since = changes.pop("since", ONSET)
    assert isinstance(since, datetime)
    return Series(name, unit, name, {}, points(before, after, since), **changes)  # type: ignore[arg-type]


RATE = a_series("request_rate", 1.0, 1.0, "requests/s", higher_is_worse=False)


@pytest.mark.parametrize(
    ("series", "shows_failure"),
    [
        (a_series("error_ratio", 0, 0.2), True),
        (a_series("mesh_error_ratio", 0, 0.2), True),
        (a_series("grpc_error_ratio", 0, 0.2), False),
        (a_series("restarts", 0, 3, "restarts"), True),
        (a_series("up", 1, 0, "up", higher_is_worse=False), True),
        (a_series("cpu", 0.1, 2, "cores"), False),
        (a_series("latency_p95", 0.1, 2, "s"), False),
        (a_series("request_rate", 1, 9, "requests/s"), False),
    ],
    ids=lambda value: value.name if isinstance(value, Series) else "",
)
def test_series_confirms_the_failure_where_load_alone_does_not_move_it(series: Series, shows_failure: bool) -> None:
    """Whoever uses the service can make it busy and slow, and end gRPC calls by a deadline; nothing fails by that."""
    confirmations = detected(f"ERROR failed\n{TRACE}", series).confirmations

    assert confirmations
    assert confirmations[0].shows_failure is shows_failure


@pytest.mark.parametrize(
    "series",
    [
        a_series("error_ratio", 0, 0.2, convention=FROM_LINES),
        a_series("errors", 0, 9, "", convention=BY_WORDS),
        a_series("error_ratio", 0, 0.2, since=NOW - timedelta(minutes=14)),
    ],
    ids=["counted from lines", "of an unknown name", "raised before"],
)
def test_series_that_follows_the_lines_or_another_time_confirms_nothing(series: Series) -> None:
    """Who writes lines moves what is counted from them."""
    assert detected(f"ERROR failed\n{TRACE}", series).confirmations == []


@pytest.mark.parametrize(
    ("measured", "confirmed"), [("failures", [True]), ("other", [False]), ("unknown", [])], ids=str
)
def test_condition_of_the_alert_confirms_by_what_it_measures(measured: Measured, confirmed: list[bool]) -> None:
    """One on a metric of an unknown name may count error lines."""
    reading = ConditionReading(AlertCondition("x", ">", 0.1), (a_series("x", 0, 1),), measured)

    confirmations = detected(condition=reading).confirmations

    assert [one.shows_failure for one in confirmations] == confirmed


def obj(level: str, message: str, **fields: str) -> str:
    """Return a line of a JSON logger."""
    return json.dumps({"level": level, "message": message, **fields})


ESCAPED = obj("info", "GET /cart/{n} 200")


@pytest.mark.parametrize(
    ("text", "calm", "is_own"),
    [
        (obj("error", "failed", exc_info=TRACE), ESCAPED, True),
        (obj("error", "failed", exc_info=CHAIN), ESCAPED, False),
        (obj("error", f"failed\n{TRACE}"), ESCAPED, False),
        (obj("error", f"failed\n{OTHER}", exc_info=TRACE), ESCAPED, False),
        (obj("error", "failed", stack=TRACE), ESCAPED, False),
        (obj("error", "failed", exc_info=TRACE), "INFO GET /cart/{n} 200", False),
        (obj("error", "failed", exc_info=TRACE), json.dumps({"message": "INFO GET /cart/{n} 200"}), False),
        (obj("error", "failed", exc_info="Error: x\n    at total (/app/cart.js:7:9)"), ESCAPED, False),
        (obj("error", "failed x=\\n", exc_info=TRACE), ESCAPED, True),
    ],
    ids=[
        "field of the logger", "chain", "in the message", "another in the message", "stack", "plain lines beside it",
        "wrapped plain lines", "message before frames", "line end of two characters",
    ],
)  # fmt: skip
def test_field_of_the_logger_confirms_where_every_text_is_escaped(text: str, calm: str, is_own: bool) -> None:
    """No user can fill the field, nor end a line; a message, or a frame after one, may be what somebody sent."""
    incident = detected(text, calm=calm)

    assert incident.stack_traces
    assert bool(incident.failure_signals) is is_own


def test_field_confirms_nothing_where_lines_were_left_out() -> None:
    """One of them may be plain."""
    text = obj("error", "failed", exc_info=TRACE)

    assert detected(text, calm=ESCAPED, is_complete=False).failure_signals == []


def test_measured_failures_that_do_not_rise_contradict_the_lines() -> None:
    """As many as the lines report would show; a few among many requests would not."""
    flat = a_series("error_ratio", 0, 0)

    many, few = detected(f"ERROR failed\n{TRACE}", flat, RATE), detected(f"ERROR failed\n{TRACE}", flat, RATE, times=3)
    risen = detected(f"ERROR failed\n{TRACE}", a_series("error_ratio", 0, 0.2), RATE)

    assert "while error_ratio is at most 0 % since the onset" in many.contradiction
    assert "By its lines about 5.02 % of requests fail" in many.contradiction
    assert (few.contradiction, risen.contradiction) == ("", "")
    assert few.stack_traces


def test_what_would_confirm_is_said() -> None:
    """It names what to set, or what was looked at in vain."""
    assert "PROMETHEUS_HOST" in detected().would_confirm
    assert "PROMETHEUS_QUERIES" in detected(f"ERROR failed\n{TRACE}", RATE).would_confirm
    assert "did not rise" in detected(f"ERROR failed\n{TRACE}", a_series("error_ratio", 0, 0), RATE).would_confirm
