"""Health must be proven: what is proof, what is not, and what is said to be missing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.analysis.detection.detect import detect
from shared.analysis.detection.health import ENOUGH
from shared.contracts import Incident
from shared.telemetry.port import NO_METRICS_STORE, LogLine, LogPage, Series
from tests.builders import NOW, an_alert

START = NOW - timedelta(minutes=15)
MIDDLE = START + (NOW - START) / 2


def lines(count: int, start: datetime, end: datetime, text: str = "INFO order placed") -> list[LogLine]:
    """Return so many lines, evenly over a time."""
    return [LogLine(start + (end - start) * n / count, 0, text, {}) for n in range(count)]


def series(*values: float, name: str = "request_rate", unit: str = "requests/s", end: datetime = NOW) -> Series:
    """Return a series of a point each minute that ends at `end`."""
    points = tuple((end - timedelta(minutes=len(values) - 1 - index), value) for index, value in enumerate(values))
    return Series(name, unit, "q", {}, points, higher_is_worse=False)


def detected(*parts: list[LogLine], metrics: Sequence[Series] = (), troubles: Sequence[str] = ()) -> Incident:
    """Return what detection says of these lines and series."""
    read = sorted((line for part in parts for line in part), key=lambda line: line.at)
    return detect(an_alert(), LogPage(tuple(read), "{x}", True), metrics, troubles)


def test_enough_ordinary_lines_before_and_after_are_proof() -> None:
    """And the brief says how many were compared."""
    incident = detected(lines(90, START, MIDDLE), lines(90, MIDDLE, NOW))

    assert incident.verdict == "healthy"
    assert "90 log entries before" in incident.health[0]
    assert incident.missing == []


@pytest.mark.parametrize(
    ("before", "after", "until", "missing"),
    [
        (0, 90, NOW, "Only 0 log entries were read of the time before"),
        (ENOUGH - 1, 90, NOW, f"Only {ENOUGH - 1} log entries were read of the time before"),
        (90, ENOUGH - 1, NOW, f"Only {ENOUGH - 1} log entries were written since"),
        (90, 90, NOW - timedelta(seconds=150), "No log line was written in the last"),
    ],
)
def test_too_little_is_no_proof(before: int, after: int, until: datetime, missing: str) -> None:
    """What would be needed stands in the answer."""
    incident = detected(lines(before, START, MIDDLE) if before else [], lines(after, MIDDLE, until))

    assert incident.verdict == "cannot_tell"
    assert any(missing in sentence for sentence in incident.missing), incident.missing


def test_alert_that_fires_since_the_start_of_the_window_has_no_baseline() -> None:
    """Nothing shows how the service was before."""
    read = tuple(lines(300, START, NOW))

    incident = detect(an_alert(started_at=START), LogPage(read, "{x}", True), [], [])

    assert incident.verdict == "cannot_tell"
    assert "no time before the alert began to fire" in incident.missing[0]


def test_traffic_in_its_range_up_to_now_is_proof_without_logs() -> None:
    """A service that writes nothing and answers its requests is healthy."""
    incident = detected(metrics=[series(*[5.0] * 16)])

    assert incident.verdict == "healthy"
    assert incident.health == ["In their usual range: request_rate 5 requests/s."]


@pytest.mark.parametrize(
    "metrics",
    [
        [series(*[0.5] * 16, name="cpu", unit="cores")],
        [series(*[5.0] * 16, end=NOW - timedelta(minutes=5))],
        [series(*[0.0] * 16)],
        [series(*[5.0] * 4)],
    ],
    ids=["no traffic series", "ended", "no traffic", "too few points"],
)
def test_other_series_are_no_proof(metrics: list[Series]) -> None:
    """An idle processor, an old point, a rate of zero show nothing."""
    assert detected(metrics=metrics).verdict == "cannot_tell"


def test_source_that_failed_makes_the_rest_no_proof() -> None:
    """Half of the telemetry was not seen, and the answer says which."""
    incident = detected(lines(90, START, MIDDLE), lines(90, MIDDLE, NOW), troubles=["Metrics are missing: no reply"])

    assert (incident.verdict, incident.missing[0]) == ("cannot_tell", "Metrics are missing: no reply")


def test_source_that_failed_is_named_once() -> None:
    """Not again as one that has nothing, with advice to set what is set."""
    troubles = ["Logs are missing: no reply", "Metrics are missing: no reply"]

    assert detect(an_alert(), None, [], troubles).missing == troubles


@pytest.mark.parametrize("values", [[1.0] * 8 + [0.0] * 8, [0.0] * 16])
def test_target_that_no_scrape_reaches_is_down(values: list[float]) -> None:
    """Also when it was down all through the window, with an empty log: critical, and never "no response needed"."""
    incident = detected(metrics=[series(*values, name="up", unit="up")])

    assert (incident.verdict, incident.severity) == ("incident", "critical")
    assert "checkout-api is down: no scrape reaches it" in incident.initial_symptoms[0]


@given(
    count=st.integers(0, ENOUGH - 1),
    text=st.sampled_from(["INFO fine", "DEBUG tick", "WARNING slow", "", "GET / 200"]),
    start=st.integers(0, 14),
    values=st.lists(st.sampled_from([0.0, 1.0, 5.0]), max_size=7),
    name=st.sampled_from(["request_rate", "error_ratio", "cpu", "up", "memory"]),
    troubles=st.lists(st.just("Logs are missing: no reply"), max_size=1),
)
def test_without_data_or_baseline_nothing_is_healthy(
    count: int, text: str, start: int, values: list[float], name: str, troubles: list[str]
) -> None:
    """However the little that there is looks."""
    read = lines(count, START + timedelta(minutes=start), NOW, text) if count else []

    assert detected(read, metrics=[series(*values, name=name)] if values else [], troubles=troubles).needs_response


def test_without_a_metrics_store_the_logs_are_proof_alone() -> None:
    """A store that nobody configured has not failed; where nothing is proof, the setting is named."""
    read = tuple(lines(90, START, MIDDLE) + lines(90, MIDDLE, NOW))

    healthy = detect(an_alert(), LogPage(read, "{x}", True), [], [], [NO_METRICS_STORE])
    unknown = detect(an_alert(), LogPage((), "{x}", True), [], [], [NO_METRICS_STORE])

    assert healthy.verdict == "healthy"
    assert (unknown.verdict, unknown.missing[-1]) == ("cannot_tell", NO_METRICS_STORE)


def test_series_in_which_harm_would_not_show_is_no_proof() -> None:
    """A rate that falls to nothing every other minute cannot show that the requests stopped."""
    incident = detected(metrics=[series(*[5.0, 0.0, 9.0, 0.0] * 4)])

    assert incident.verdict == "cannot_tell"
    assert any("varies so much" in sentence for sentence in incident.missing)


def test_brief_says_which_metrics_were_read_and_which_are_not_there() -> None:
    """By whose names they were chosen stands in the evidence."""
    rate = replace(series(*[5.0] * 16), convention="Micrometer")

    incident = detect(
        an_alert(), LogPage((), "{x}", True), [rate], [], ["Not there for checkout-api: metrics of memory."]
    )

    assert [one.text for one in incident.evidence if one.source == "metrics"] == [
        "Metrics read: request_rate (Micrometer). Not there for checkout-api: metrics of memory."
    ]


@pytest.mark.parametrize(("lines_each", "verdict"), [(1, "healthy"), (10, "cannot_tell")])
def test_lines_of_one_request_are_one_observation(lines_each: int, verdict: str) -> None:
    """Ninety lines of nine requests since the alert fired would not show that one request in twenty fails."""
    read = [
        line._replace(text=f"INFO TraceID: {index // lines_each:016x} SpanID: 1 [getTickets]")
        for index, line in enumerate(lines(180, START, NOW), 10_000)
    ]

    incident = detected(read)

    assert incident.verdict == verdict
    assert any("requests in the log" in sentence for sentence in (*incident.health, *incident.missing))
