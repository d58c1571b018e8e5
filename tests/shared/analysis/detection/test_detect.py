"""Offline detection over whole log pages."""

import gzip
import json
import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra import bundle
from shared.analysis.detection.detect import detect
from shared.contracts import Incident
from shared.telemetry.port import LogLine, LogPage, Series
from tests.builders import NOW, an_alert

START = NOW - timedelta(minutes=15)
ONSET = NOW - timedelta(minutes=4)
CASES = bundle.ROOT.parent / "shared" / "cases" / "executed"


def trace(file: str, raised: str) -> str:
    """Return an error with a Python traceback through the file."""
    return f'ERROR failed\nTraceback (most recent call last):\n  File "{file}", line 7, in total\n    sum(x)\n{raised}'


def line(at: datetime, text: str, pod: str = "a") -> LogLine:
    """Return a line of the service."""
    return LogLine(at, 0, text, {"service_name": "checkout-api", "pod": pod})


def every(seconds: float, text: str, start: datetime = START, end: datetime = NOW) -> list[LogLine]:
    """Return the line every so many seconds, `%d` replaced by its number."""
    count = int((end - start).total_seconds() / seconds)
    return [line(start + timedelta(seconds=seconds * n), text.replace("%d", str(n))) for n in range(count)]


def page(*parts: list[LogLine], is_complete: bool = True) -> LogPage:
    """Return the lines in time order."""
    lines = sorted((one for part in parts for one in part), key=lambda one: one.at)
    return LogPage(tuple(lines), '{service_name="checkout-api"}', is_complete, "https://grafana.example/explore")


CALM = every(3, 'INFO [access] 10.0.0.%d "GET /cart HTTP/1.1" 200 12')
USUAL = every(100, trace("/app/mail.py", "OSError: no relay"))
NEW = every(20, trace("/app/cart.py", "KeyError: 'price'"), ONSET)


def series(*values: float, name: str = "cpu usage") -> Series:
    """Return a series over the window, a point every minute."""
    points = tuple((START + timedelta(minutes=index), value) for index, value in enumerate(values))
    return Series(name, "%", "rate(cpu[1m])", {}, points)


def test_new_trace_leads_over_a_usual_one():
    """A new error explains the incident; a usual error of the service does not, however frequent."""
    incident = detect(an_alert(), page(CALM, USUAL, NEW), [], [])

    assert incident.needs_response
    assert incident.onset == ONSET
    assert [(one.exception_type, one.count_before_onset) for one in incident.stack_traces] == [
        ("KeyError", 0),
        ("OSError", 7),
    ]
    assert (incident.incident_type_hint, incident.looks_like_regression) == ("code_issue", True)


def test_quiet_logs_dismiss_the_alert():
    """An alert from Grafana's Test button is dismissed."""
    incident = detect(an_alert(alert_name="TestAlert"), page(CALM), [], [])

    assert (incident.needs_response, incident.recommendation, incident.severity) == (False, "dismiss", "low")


def test_usual_errors_alone_dismiss_the_alert():
    """Errors that the service always has are not an incident."""
    assert not detect(an_alert(), page(CALM, USUAL), [], []).needs_response


def test_usual_errors_without_a_baseline_do_not_dismiss_the_alert():
    """When the alert has fired since before the window, nothing shows that the errors are usual."""
    alert = an_alert(started_at=START - timedelta(minutes=5))

    assert detect(alert, page(CALM, USUAL), [], []).needs_response


def test_unread_logs_never_dismiss_the_alert():
    """Without telemetry the alert is accepted, and the answer says what failed."""
    incident = detect(an_alert(labels={"severity": "critical"}), None, [], ["Loki did not answer", "no metrics"])

    assert incident.needs_response
    assert (incident.severity, incident.degraded) == ("critical", "Loki did not answer; no metrics")
    assert [one.id for one in incident.evidence] == ["A1"]


def test_errors_are_counted_over_the_window():
    """The counts for the brief's chart are zero before the onset, and add up to all errors."""
    incident = detect(an_alert(), page(CALM, NEW), [], [])
    counts = incident.error_summary.errors_over_time
    before = int((ONSET - incident.start) / (incident.end - incident.start) * len(counts))

    assert sum(counts) == incident.error_summary.total_errors > 0
    assert sum(counts[:before]) == 0


def test_silent_service_without_metrics_is_never_dismissed():
    """A dead service and a wrong label both give no logs: the answer says so, and how to mend it."""
    incident = detect(an_alert(labels={"severity": "critical"}), page(), [], [])

    assert (incident.verdict, incident.needs_response, incident.severity) == ("cannot_tell", True, "critical")
    assert not incident.looks_like_regression
    assert incident.missing[0].startswith('No log line was found by {service_name="checkout-api"}')
    assert "LOKI_SERVICE_LABEL" in incident.missing[0]
    assert "PROMETHEUS_HOST" in incident.missing[1]


def test_metrics_alone_make_an_incident():
    """A series that left its range is harm even when the logs are quiet, and dates the onset."""
    incident = detect(an_alert(), page(CALM), [series(5, 6, 5, 6, 5, 6, 5, 6, 95, 96, 97)], [])

    assert (incident.needs_response, incident.incident_type_hint) == (True, "infrastructure_issue")
    assert incident.onset == START + timedelta(minutes=8)
    assert incident.error_summary.metric_anomalies[0].evidence_id == "M1"


def test_errors_whose_long_templates_differ_only_at_the_end_share_one_count() -> None:
    """The names of kinds are shortened before they are counted, so that no count replaces another."""
    start = " ".join(["refused by the pricing service"] * 10)
    ends = ["at once", "only after a long time"]
    errors = [line(NOW - timedelta(seconds=n), f"ERROR {start} {ends[n % 2]}") for n in range(60)]

    counts = detect(an_alert(), page(CALM, errors), [], []).error_summary

    assert sum(counts.error_types.values()) == counts.total_errors == 60


def test_single_crash_is_harm():
    """One fatal line is enough, with high severity."""
    crash = [line(NOW - timedelta(minutes=14), "panic: assignment to entry in nil map")]

    incident = detect(an_alert(), page(CALM, crash), [], [])

    assert (incident.needs_response, incident.severity) == (True, "high")


def test_refused_connections_point_to_a_dependency():
    """Messages without a trace are searched for known faults."""
    refused = every(10, "ERROR cannot charge: dial tcp 10.0.0.5:443: connect: connection refused", ONSET)

    assert detect(an_alert(), page(CALM, refused), [], []).incident_type_hint == "external_dependency"


def test_pool_that_a_line_names_before_each_trace_is_the_kind_of_fault():
    """The exception does not say why; the line before it does. The fullest use that was stated is evidence."""
    text = "ERROR HikariPool-1 - Connection is not available, request timed out after 30000ms."
    use = "DEBUG HikariPool-1 - Pool stats (total=10, active=10, idle=0, waiting=%d)"
    before = every(20, text, ONSET - timedelta(seconds=1), NOW - timedelta(seconds=1))

    incident = detect(an_alert(), page(CALM, NEW, before, every(20, use, ONSET)), [], [])

    assert incident.incident_type_hint == "infrastructure_issue"
    assert any("waiting=11)" in one.text for one in incident.evidence)


def test_errors_in_proportion_to_requests_are_not_an_incident():
    """A service that fails one request in ten has more errors when it is busy."""
    half = START + timedelta(minutes=7)
    calm = [*every(5, "INFO order %d placed", end=half), *every(50, "ERROR order %d: card declined", end=half)]
    busy = [*every(1, "INFO order %d placed", half), *every(10, "ERROR order %d: card declined", half)]

    assert not detect(an_alert(), page(calm, busy), [], []).needs_response


def test_alert_label_raises_severity_but_never_lowers_it():
    """The author of the rule may know that it is worse."""
    logs = page(CALM, every(1, trace("/app/cart.py", "KeyError: 'price'"), ONSET))

    assert detect(an_alert(labels={"severity": "critical"}), logs, [], []).severity == "critical"
    assert detect(an_alert(labels={"severity": "info"}), logs, [], []).severity == "critical"


def test_trace_split_by_pod_and_line_is_counted_once_each():
    """A log shipper that sends every line as one entry, from two pods at once, changes nothing."""
    split = [
        line(one.at + timedelta(milliseconds=index), part, pod)
        for one in NEW
        for pod in ("a", "b")
        for index, part in enumerate(one.text.split("\n"))
    ]

    incident = detect(an_alert(), page(CALM, split), [], [])

    assert (incident.stack_traces[0].count, incident.error_summary.total_errors) == (2 * len(NEW), 2 * len(NEW))


def test_evidence_is_numbered_linked_and_verbatim():
    """Each excerpt is verbatim in a logged line, with its query and link."""
    logs = page(CALM, USUAL, NEW)

    incident = detect(an_alert(), logs, [], [])

    by_id = {one.id: one for one in incident.evidence}
    assert len(by_id) == len(incident.evidence)
    assert {"A1", "T1", "T2", "L1"} <= set(by_id)
    for one in incident.evidence:
        if one.source == "logs":
            assert any(one.text in entry.text for entry in logs.lines)
            assert (one.query, one.link) == (logs.query, logs.link)
    assert all(one.evidence_id in by_id for one in incident.stack_traces)


def test_deployment_before_the_onset_is_kept_as_evidence():
    """A line about a new version shortly before the onset is useful evidence."""
    deployment = [line(ONSET - timedelta(minutes=2), "INFO starting application v2.4.1")]

    incident = detect(an_alert(), page(CALM, deployment, NEW), [], [])

    assert "INFO starting application v2.4.1" in [one.text for one in incident.evidence]


def test_window_of_an_incomplete_page_starts_at_its_first_line():
    """When older lines are missing, nothing is known about the time before the first line."""
    late = [one for one in CALM if one.at > ONSET]

    assert detect(an_alert(), page(late, is_complete=False), [], []).start == late[0].at


def test_time_before_the_onset_is_shown_only_where_lines_were_read():
    """A window that begins with the errors does not say that there were none before."""
    assert detect(an_alert(), page(CALM, NEW), [], []).shows_before_onset
    assert not detect(an_alert(), page(NEW), [], []).shows_before_onset


def test_errors_read_separately_date_the_onset_before_an_incomplete_page():
    """When only errors are known from the older time, the onset is the first of them."""
    late = [one for one in CALM if one.at > NOW - timedelta(minutes=1)]

    assert detect(an_alert(), page(late, NEW, is_complete=False), [], []).onset == ONSET


def test_errors_of_an_incomplete_page_are_never_usual():
    """Without the time before them, nothing shows that errors are usual."""
    late = [one for one in (*CALM, *NEW) if one.at > ONSET + timedelta(seconds=1)]

    assert detect(an_alert(), page(late, is_complete=False), [], []).needs_response


def test_single_new_trace_right_before_the_alert_is_harm():
    """Some alerts fire on one failure, seen once, just before the alert and never earlier."""
    once = [line(NOW - timedelta(minutes=3), trace("/app/cart.py", "KeyError: 'price'"))]
    fired = an_alert(started_at=NOW - timedelta(minutes=2))

    assert detect(fired, page(CALM, once), [], []).onset == once[0].at
    assert not detect(an_alert(), page(CALM, once), [], []).needs_response


def test_stack_traces_in_every_twentieth_entry_are_harm():
    """A service may always have some errors, but not exceptions all the time."""
    assert detect(an_alert(), page(CALM, every(30, trace("/app/cart.py", "KeyError: 'price'"))), [], []).needs_response


def test_many_different_errors_stay_within_the_contracts_limits():
    """Hundreds of different errors neither break a limit nor make the answer large."""
    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghij", k=8)) for _ in range(400)]
    many = [line(NOW - timedelta(seconds=n), f"ERROR {word} {'x' * 3000}") for n, word in enumerate(words)]
    traces = [
        line(NOW - timedelta(seconds=n), trace(f"/app/{word}.py", f"{word}Error: x")) for n, word in enumerate(words)
    ]

    incident = detect(an_alert(), page(many, traces), [series(*range(20), name=f"m{n}") for n in range(30)], [])

    assert len(incident.evidence) <= 40
    assert incident.left_out["stack_traces"] == 400 - len(incident.stack_traces)
    assert incident.left_out["patterns"] > 0
    assert len(incident.model_dump_json()) < 100_000


def test_twenty_thousand_lines_are_read_in_bounded_cpu_time():
    """The largest page of the log port costs seconds, not minutes, of CPU."""
    lines = every(0.045, 'INFO [access] 10.0.0.%d "GET /cart/%d HTTP/1.1" 200 %d')[:20_000]
    start = time.process_time()

    detect(an_alert(), page(lines), [], [])

    assert time.process_time() - start < 30


def test_answer_is_the_same_every_time():
    """Nothing depends on hash order, the clock or random values."""
    logs = page(CALM, USUAL, NEW)

    assert detect(an_alert(), logs, [], []) == detect(an_alert(), logs, [], [])


@pytest.mark.skipif(not CASES.is_dir(), reason="the recorded cases are not next to the project's folder")
def test_leading_exception_of_recorded_incidents_is_right():
    """On real traces the leading exception is the case's own in nine of ten cases."""
    right = [_leads(folder) for folder in sorted(CASES.iterdir())[:30]]

    assert sum(right) >= 0.9 * len(right)


def _leads(folder: Path) -> bool:
    case = json.loads((folder / "case.json").read_text())
    start, end = (datetime.fromisoformat(one) for one in case["window"])
    alert = an_alert(service_name=case["service_name"], start=start, end=end, received_at=end)
    incident: Incident = detect(alert, _recorded(folder / "logs.loki.json.gz"), [], [])
    return bool(incident.stack_traces) and case["exception"].startswith(incident.stack_traces[0].exception_type)


def _recorded(path: Path) -> LogPage:
    streams = json.loads(gzip.decompress(path.read_bytes()))["data"]["result"]
    lines = [
        LogLine(datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC), int(nanoseconds), text, stream["stream"])
        for stream in streams
        for nanoseconds, text, *_ in stream["values"]
    ]
    return LogPage(tuple(sorted(lines, key=lambda one: one.nanoseconds)), "q", True)
