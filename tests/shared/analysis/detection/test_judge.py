"""The text of the offline judgement: what it calls new, a crash, a stop, a server error."""

from datetime import timedelta

import pytest

from shared.analysis.causes.explain import explain
from shared.analysis.detection.detect import detect
from shared.contracts import Incident, RootCauseRequest
from shared.telemetry.port import LogLine, LogPage, Series
from tests.builders import NOW, an_alert

START = NOW - timedelta(minutes=30)
ALERT = an_alert(start=START)


def every(seconds: float, text: str, start_s: float = 0, end_s: float = 1800) -> list[LogLine]:
    """Return the line every so many seconds of the window, `%d` replaced by its number."""
    count = int((end_s - start_s) / seconds)
    return [at(start_s + seconds * index, text.replace("%d", str(index))) for index in range(count)]


def at(seconds: float, text: str) -> LogLine:
    """Return a line so many seconds after the start of the window."""
    return LogLine(START + timedelta(seconds=seconds), 0, text, {"service_name": "checkout-api"})


def judged(*parts: list[LogLine], series: tuple[Series, ...] = ()) -> Incident:
    """Return what is detected from these lines."""
    lines = sorted((one for part in parts for one in part), key=lambda one: one.at)
    return detect(ALERT, LogPage(tuple(lines), '{service_name="checkout-api"}', True), series, [])


def test_errors_after_calm_are_new():
    """Enough was read before them to call them new; what varies from line to line is left out."""
    incident = judged(every(3, "INFO order %d placed"), every(10, "ERROR order %d: no price", 1200))

    assert incident.initial_symptoms[0] == (
        "“ERROR order …: no price” is new: 60 since 02:50:00 UTC, none in the 20 min before."
    )
    assert incident.title == ("One kind of error line is new: 60 since 02:50:00 UTC, none in the 20 min before.")


def test_first_errors_after_a_clean_stretch_are_harm_together():
    """Each kind alone is too rare to be certain; that the service begins to fail in two ways is not."""
    orders = every(3, "INFO order %d placed")
    two_kinds = [*every(100, "ERROR no stock for item %d", 1500), *every(100, "ERROR no reply %d", 1530)]

    incident = judged(orders, two_kinds)

    assert incident.verdict == "incident"
    assert incident.onset == START + timedelta(seconds=1500)
    assert [symptom.partition("”")[0] for symptom in incident.initial_symptoms] == [
        "“ERROR no stock for item …",
        "“ERROR no reply …",
    ]


def test_trace_is_named_once_with_its_function_and_not_by_the_line_that_announces_it():
    """Such a line is the same for every exception, and the event is one."""
    trace = "Traceback (most recent call last):\n  File \"/app/cart.py\", line 7, in total\nKeyError: 'price'"

    incident = judged(every(3, "INFO order %d placed"), every(20, trace, 1200))

    assert [symptom.partition(":")[0] for symptom in incident.initial_symptoms] == ["KeyError in total is new"]


def test_errors_that_come_now_and_then_are_no_clean_stretch():
    """Two more kinds of them in the last minutes are what the service always does."""
    orders = every(3, "INFO order %d placed")
    usual = [at(200, "ERROR mail not sent"), at(700, "ERROR cache is cold"), at(1100, "ERROR mail not sent")]
    late = [at(1500, "ERROR no stock for item 1"), at(1700, "ERROR no reply 2")]

    assert judged(orders, usual, late).verdict == "healthy"


def test_errors_from_the_first_line_on_are_not_called_new():
    """The time before was not read, so nothing is said about it."""
    late = judged(every(10, "ERROR order %d: no price", 900))
    start = judged(every(10, "ERROR order %d: no price", 60))
    steady = judged(every(10, "ERROR order %d: no price"))

    assert late.initial_symptoms[0].endswith(": 90 since 02:45:00 UTC, where the lines that could be read begin.")
    assert "since at least the start of the window" in start.initial_symptoms[0]
    assert "since at least the start of the window, 02:30:00 UTC" in steady.initial_symptoms[0]
    assert not any("new" in one.initial_symptoms[0] + one.reasoning for one in (late, start, steady))


def test_crash_is_named_first_and_dates_the_onset():
    """Two fatal lines after a calm time date the onset; no rise in rate is needed."""
    crashes = [
        at(1080, "FATAL java.lang.OutOfMemoryError: heap space"),
        at(1200, "FATAL java.lang.OutOfMemoryError: heap space"),
    ]
    usual = every(300, "ERROR mail not sent")

    incident = judged(every(3, "INFO order %d placed"), usual, crashes)

    assert incident.onset == crashes[0].at
    assert "OutOfMemoryError” is new: 2 since 02:48:00 UTC" in incident.initial_symptoms[0].replace(": heap space", "")
    assert incident.incident_type_hint == "infrastructure_issue"


def test_errors_that_led_to_a_crash_keep_their_onset():
    """The crash is named first, but the errors before it still date the incident."""
    incident = judged(
        every(3, "INFO order %d placed"),
        every(5, "ERROR order %d: no price", 1200),
        [at(1500, "FATAL giving up")],
    )

    assert incident.initial_symptoms[0].startswith("“FATAL giving up”")
    assert incident.onset == START + timedelta(seconds=1200)


def test_usual_fatal_lines_are_not_an_onset():
    """A fatal line every five minutes is not an event."""
    incident = judged(every(3, "INFO order %d placed"), every(300, "CRITICAL quota is at 80 %"))

    assert incident.onset is None


def test_traffic_that_stops_is_an_incident():
    """A stop is harm without an error: the last lines are evidence, and the incident type stays unknown."""
    incident = judged(every(4.2, "INFO order %d placed", end_s=1080))

    assert (incident.needs_response, incident.incident_type_hint) == (True, "unknown")
    assert incident.onset == max(one.at for one in incident.evidence if one.source == "logs" and one.at)
    assert "stopped writing" in incident.initial_symptoms[0]
    assert "INFO order 256 placed" in [one.text for one in incident.evidence]
    (cause,) = explain(RootCauseRequest(alert=ALERT, incident=incident)).root_causes
    assert "down or stuck" in cause.hypothesis
    assert "INFO order 256 placed" in [one.text for one in cause.quotes]


def test_metrics_alone_show_that_the_error_ratio_rose_and_when():
    """Without logs the brief still says what is wrong and since when."""
    points = tuple((START + timedelta(minutes=index), 0.0 if index < 20 else 0.067) for index in range(31))

    incident = detect(ALERT, None, [Series("error_ratio", "ratio", "q", {}, points)], ["Loki did not answer"])

    assert incident.onset == START + timedelta(minutes=20)
    assert incident.initial_symptoms == ["up to 6.7 % of requests fail since 02:50:00 UTC, 0 % before."]
    assert "error_ratio: 0 % → 6.7 % from 02:50:00 UTC" in [one.text for one in incident.evidence]
    # Failing requests are the harm, not its cause.
    assert explain(RootCauseRequest(alert=ALERT, incident=incident)).root_causes == []


@pytest.mark.parametrize(("share", "severity"), [(0.067, "medium"), (0.2, "high"), (0.85, "critical")])
def test_severity_follows_the_measured_share_of_failed_requests(share: float, severity: str):
    """A service that logs one line in a hundred may still fail nine requests in ten."""
    points = tuple((START + timedelta(minutes=index), 0.0 if index < 20 else share) for index in range(31))

    assert detect(ALERT, None, [Series("error_ratio", "ratio", "q", {}, points)], []).severity == severity


def test_dismissal_mentions_only_what_was_read():
    """Metrics that were not read cannot be said to be in range."""
    calm = every(3, "INFO order %d placed")
    steady = Series("cpu", "cores", "q", {}, tuple((START + timedelta(minutes=index), 0.5) for index in range(31)))

    traffic = Series("request_rate", "requests/s", "q", {}, tuple((at, 5.0) for at, _ in steady.points))

    assert "range" not in judged(calm).reasoning
    assert judged(calm, series=(steady,)).health == judged(calm).health
    assert "In their usual range: request_rate 5 requests/s." in judged(calm, series=(traffic,)).health


def test_server_errors_of_the_service_itself_are_named():
    """When an access log changes to 500, the template keeps the status and the fault has a name."""
    calm = every(3, 'INFO access "POST /pay HTTP/1.1" 200 12ms', end_s=1200)
    failing = every(3, 'INFO access "POST /pay HTTP/1.1" 500 12ms', 1200)

    incident = judged(calm, failing)

    assert incident.initial_symptoms[0].startswith("POST /pay answered with 5xx is new: 200")
    assert "server errors answered by the service itself" in incident.reasoning
    assert any("5xx" in one.template for one in incident.patterns)
    (cause,) = explain(RootCauseRequest(alert=ALERT, incident=incident)).root_causes
    assert "itself answers requests with server errors" in cause.hypothesis
    assert "500 12ms" in cause.quotes[0].text


def test_impact_compares_requests_of_one_log():
    """What the service calls, as a proxy logs it, is no share of what it answers."""
    answered = every(3, "INFO GET /orders/%d 200 17ms")
    failed = every(30, '"POST /orders/%d HTTP/1.1" 503 UF - 0 91', 1200)
    succeeded = every(30, '"POST /orders/%d HTTP/1.1" 200 - - 0 91', 1215)

    assert judged(answered, failed).impact == ""
    assert judged(answered, failed, succeeded).impact.startswith("51.3 % of requests fail: 20 of 39")


def test_pattern_names_what_is_raised_with_it():
    """'request failed' alone says nothing."""
    trace = (
        "ERROR request %d failed\nTraceback (most recent call last):\n  File \"/app/a.py\", line 7, in f\nKeyError: 'x'"
    )

    incident = judged(every(3, "INFO order %d placed"), every(20, trace, 1200))

    assert next(one.raises for one in incident.patterns if one.level == "error") == "KeyError: 'x'"
    assert incident.error_summary.error_types == {"KeyError: 'x'": 30}
