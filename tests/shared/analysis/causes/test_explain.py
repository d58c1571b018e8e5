"""Offline root causes."""

from datetime import timedelta

import pytest

from shared.analysis.causes.explain import explain
from shared.contracts import (
    Change,
    Confirmation,
    ErrorSummary,
    Evidence,
    Frame,
    LogPattern,
    MeasuredSeries,
    MetricAnomaly,
    RootCauseRequest,
    RootCauses,
    StackTrace,
)
from tests.builders import NOW, an_alert, an_incident

ONSET = NOW - timedelta(minutes=4)
SEEN = {"first_seen": ONSET, "last_seen": NOW}
TRACE = "Traceback (most recent call last):\n  File \"/app/cart.py\", line 7, in total\n    sum(x)\nKeyError: 'price'"


def piece(id_: str, text: str, source: str = "logs", at=ONSET) -> Evidence:
    """Return a piece of evidence."""
    return Evidence(id=id_, source=source, text=text, at=at)


def a_trace(**changes) -> StackTrace:
    """Return a trace through own code that started at the onset, with evidence T1."""
    frames = [Frame(path="/app/cart.py", line=7, function="total", in_app=True)]
    fields = {"language": "python", "exception_type": "KeyError", "message": "'price'", "frames": frames, "count": 9}
    return StackTrace(**{**fields, **SEEN, "evidence_id": "T1", **changes})


def a_pattern(text: str, **changes) -> LogPattern:
    """Return a pattern of errors that started at the onset, with evidence L1."""
    fields = {"template": text, "level": "error", "count": 9, "exemplar": text, "evidence_id": "L1"}
    return LogPattern(**{**fields, **SEEN, **changes})


def explained(**changes) -> RootCauses:
    """Return the root causes of an incident of checkout-api with an onset."""
    selector, others = '{service_name="checkout-api"}', '{service_name!="checkout-api"}'
    incident = an_incident(
        **{"onset": ONSET, "lines_read": 500, "log_selector": selector, "other_logs_selector": others}
        | {"confirmations": [Confirmation(what="error_ratio: 0 % → 9 %.", shows_failure=True)], **changes}
    )
    return explain(RootCauseRequest(alert=an_alert(), incident=incident))


def test_new_exception_through_own_code_leads_with_line_and_quotes():
    """The hypothesis names the frame and the exception; the quotes are both verbatim."""
    (cause,) = explained(stack_traces=[a_trace()], evidence=[piece("T1", TRACE)]).root_causes

    assert "/app/cart.py:7" in cause.hypothesis
    assert [one.text for one in cause.quotes] == ["KeyError: 'price'", 'File "/app/cart.py", line 7, in total']
    assert (cause.evidence_ids, cause.confidence) == (["T1"], 0.86)


@pytest.mark.parametrize(("contradiction", "confidence"), [("", 0.86), ("error_ratio is 0 %.", 0.4)])
def test_exception_that_a_measure_contradicts_is_unlikely(contradiction: str, confidence: float):
    """A user of the service may have written it where the measured failures do not show it."""
    facts = {"stack_traces": [a_trace()], "evidence": [piece("T1", TRACE)], "contradiction": contradiction}

    assert explained(**facts, confirmations=[]).root_causes[0].confidence == confidence


def test_exception_through_many_files_is_less_sure():
    """The more files of the service the stack goes through, the more of them may be at fault."""
    frames = [Frame(path=f"/app/{name}.py", line=1, in_app=True) for name in ("a", "b", "cart")]
    text = TRACE.replace("line 7", "line 1")
    cause = explained(stack_traces=[a_trace(frames=frames)], evidence=[piece("T1", text)]).root_causes[0]

    assert cause.confidence == 0.5


def test_steady_exception_has_lower_confidence():
    """An exception from before the onset that rose is an unlikely cause."""
    (cause,) = explained(
        stack_traces=[a_trace(count=40, count_before_onset=5)], evidence=[piece("T1", TRACE)]
    ).root_causes

    assert cause.confidence == 0.5


def test_exception_whose_time_before_was_not_read_is_not_called_new():
    """Where reading began then, nothing is known of the time before."""
    new = explained(stack_traces=[a_trace()], evidence=[piece("T1", TRACE)]).root_causes[0]
    unread = explained(stack_traces=[a_trace()], evidence=[piece("T1", TRACE)], shows_before_onset=False).root_causes[0]

    assert new.hypothesis.endswith("none in the 11 min read before.")
    assert unread.hypothesis.endswith("where reading began.")
    assert (new.confidence, unread.confidence) == (0.86, 0.5)


def test_rollout_that_alone_brings_the_error_is_a_cause():
    """The versions are named, and the first line of the new instances is the proof."""
    change = Change(
        kind="rollout", at=ONSET, what="2 instances began.", version_after="2.15.0", error_share=1, evidence_id="L1"
    )
    answer = explained(what_changed=[change], evidence=[piece("L1", "INFO starting")])

    assert answer.root_causes[0].hypothesis.startswith("Version 2.15.0, rolled out at")
    assert answer.root_causes[0].evidence_ids == ["L1"]


def test_resource_that_an_exception_names_goes_before_the_frame_that_reports_it():
    """One event is one cause: the pool ran out, and where that was met."""
    text = TRACE.replace("KeyError: 'price'", "TimeoutError: QueuePool limit")
    trace = a_trace(exception_type="TimeoutError", message="QueuePool limit")

    (cause,) = explained(
        stack_traces=[trace], patterns=[a_pattern(text)], evidence=[piece("T1", text), piece("L1", text)]
    ).root_causes

    assert cause.hypothesis.startswith(
        "checkout-api ran out of a resource: connection pool exhausted. total (/app/cart.py:7) raises TimeoutError"
    )
    assert cause.evidence_ids == ["T1"]


def test_frame_whose_call_raises_is_not_said_to_raise():
    """The exception came out of a library that the own code called."""
    own = Frame(path="/app/cart.py", line=7, function="total", in_app=True)
    library = Frame(path="/lib/decimal.py", line=3, function="quantize")

    (cause,) = explained(stack_traces=[a_trace(frames=[own, library])], evidence=[piece("T1", TRACE)]).root_causes

    assert cause.hypothesis.startswith("What total (/app/cart.py:7) calls raises KeyError: 'price', 9 times")


def test_background_exception_is_no_hypothesis_next_to_a_new_one():
    """An exception as frequent before the onset as after explains nothing; alone, it gets low confidence."""
    usual = a_trace(exception_type="OSError", message="no relay", count=15, count_before_onset=11, evidence_id="T2")
    evidence = [piece("T1", TRACE), piece("T2", TRACE.replace("KeyError: 'price'", "OSError: no relay"))]

    both = explained(stack_traces=[a_trace(), usual], evidence=evidence)
    alone = explained(stack_traces=[usual], evidence=evidence)

    assert [cause.evidence_ids for cause in both.root_causes] == [["T1"]]
    assert alone.root_causes[0].confidence == 0.1
    assert alone.most_likely.startswith("Unknown")


@pytest.mark.parametrize(
    ("metrics", "asks"),
    [
        ([], False),
        (["Metrics read: error_ratio (Micrometer)."], True),
        (["Metrics read: error_ratio (Micrometer), restarts (kube-state-metrics)."], False),
    ],
)
def test_restarts_are_asked_for_where_they_can_be_and_were_not_read(metrics: list[str], asks: bool) -> None:
    """No query goes to a store that is not there, or for what stands in the evidence."""
    read = [Evidence(id=f"M{n}", source="metrics", text=text) for n, text in enumerate(metrics, 1)]

    answer = explained(stack_traces=[a_trace()], evidence=[piece("T1", TRACE), *read])

    assert ("Whether containers restarted." in [one.what for one in answer.unknowns]) is asks
    assert not any("KeyError" in one.next_query for one in answer.unknowns)


def test_failing_dependency_is_named():
    """The host and the fault come from the words of the line."""
    text = "ERROR cannot charge: dial tcp 10.0.0.5:443: connect: connection refused"

    answer = explained(patterns=[a_pattern(text)], evidence=[piece("L1", text)])

    assert "10.0.0.5:443" in answer.root_causes[0].hypothesis
    assert answer.root_causes[0].affected_components == ["checkout-api", "10.0.0.5:443"]
    assert any("10.0.0.5:443" in one.next_query for one in answer.unknowns)


def test_one_line_gives_one_hypothesis():
    """A line that matches two rules gives one sign, the most specific."""
    text = "ERROR 503 Service Unavailable: upstream timed out while connecting to upstream-a"

    answer = explained(patterns=[a_pattern(text)], evidence=[piece("L1", text)])

    assert len(answer.root_causes) == 1


def test_crash_is_the_same_event_as_its_trace():
    """A crash is not a second cause in addition to the trace of that crash."""
    frames = [Frame(path="cart/total.go", line=7, function="cart.Total", in_app=True)]
    text = "panic: assignment to entry in nil map\n\ngoroutine 1 [running]:\ncart.Total()\n\tcart/total.go:7"
    trace = a_trace(language="go", exception_type="panic", message="assignment to entry in nil map", frames=frames)
    line = "panic: assignment to entry in nil map"

    both = explained(
        stack_traces=[trace], patterns=[a_pattern(line)], evidence=[piece("T1", text), piece("L1", line)]
    ).root_causes
    alone = explained(patterns=[a_pattern(line)], evidence=[piece("L1", line)]).root_causes

    assert [one.evidence_ids for one in both] == [["T1"]]
    assert [one.hypothesis for one in alone] == [
        "checkout-api crashes. Written 9 times since 02:56:00 UTC, none in the 11 min read before."
    ]


def test_data_missing_in_detection_is_reported_by_detection_only():
    """One failure of the log store is reported once, however many steps use the result."""
    assert explained(degraded="Logs are missing: Loki did not answer").degraded is None


def test_window_that_was_not_read_gets_no_claim():
    """Without logs, it is unknown whether anything in them changed."""
    answer = explained(evidence=[piece("A1", "alert", "alert")], lines_read=0, onset=None, log_selector="")

    unknowns = " ".join(one.what for one in answer.unknowns)
    assert "the logs were not read" in unknowns
    assert "change" not in unknowns


def test_change_before_the_onset_is_a_hypothesis():
    """A start of the application shortly before is a hypothesis, weaker than an exception."""
    evidence = [piece("T1", TRACE), piece("L1", "INFO starting application v2.4.1", at=ONSET - timedelta(minutes=2))]

    answer = explained(stack_traces=[a_trace()], evidence=evidence)

    assert [one.evidence_ids for one in answer.root_causes] == [["T1"], ["L1"]]


def test_metric_is_a_hypothesis_when_the_logs_say_nothing():
    """Saturation is a hypothesis even when the logs do not mention it."""
    anomaly = MetricAnomaly(metric="cpu", description="cpu: 5 → 99", at=ONSET, baseline=5, value=99, evidence_id="M1")

    (cause,) = explained(
        error_summary={"metric_anomalies": [anomaly]}, evidence=[piece("M1", "cpu: 5 → 99 %", "metrics")]
    ).root_causes

    assert (cause.evidence_ids, cause.confidence) == (["M1"], 0.4)


def test_series_of_what_users_meet_names_no_cause():
    """That requests are slow is the headline already: it does not say why."""
    text = "latency_p95: 0.2 s → 3 s"
    slow = MetricAnomaly(metric="latency_p95", description=text, at=ONSET, baseline=0.2, value=3, evidence_id="M1")
    summary = ErrorSummary(metric_anomalies=[slow])

    answer = explained(error_summary=summary, evidence=[piece("M1", text, source="metrics")])

    assert answer.root_causes == []
    assert "names no cause" in answer.most_likely


def test_target_that_no_scrape_reaches_is_said_to_be_down():
    """Its number is of no use to a reader."""
    down = MetricAnomaly(metric="up", description="up: 1 up → 0 up", at=ONSET, baseline=1, value=0, evidence_id="M1")

    (cause,) = explained(
        error_summary={"metric_anomalies": [down]}, evidence=[piece("M1", "up: 1 up → 0 up", "metrics")]
    ).root_causes

    assert cause.hypothesis == f"checkout-api is down since {ONSET:%H:%M:%S} UTC: no scrape reaches it."


def test_named_fault_stands_for_the_message_of_its_exception():
    """A long message between the cause and what to do is read by nobody; a quote holds it."""
    message = "QueuePool limit of size 5 overflow 10 reached, connection timed out"
    trace = a_trace(exception_type="sqlalchemy.exc.TimeoutError", message=message)
    text = TRACE.replace("KeyError: 'price'", f"sqlalchemy.exc.TimeoutError: {message}")

    (cause,) = explained(stack_traces=[trace], evidence=[piece("T1", text)]).root_causes

    assert "raises TimeoutError, 9 times" in cause.hypothesis
    assert any("QueuePool limit" in one.text for one in cause.quotes)


def test_setting_that_is_missing_is_named_in_the_cause():
    """Whoever reads the cause alone knows what to set."""
    text = "ERROR environment variable STRIPE_KEY is not set"

    (cause,) = explained(patterns=[a_pattern(text)], evidence=[piece("L1", text)]).root_causes

    assert "missing configuration (STRIPE_KEY)" in cause.hypothesis


@pytest.mark.parametrize(
    ("changes", "cap"), [({"lines_read": 0}, 0.4), ({"onset": None}, 0.55), ({"degraded": "x"}, 0.65)]
)
def test_confidence_is_capped_by_the_available_telemetry(changes, cap):
    """Without logs, without an onset or with other data missing, the confidence has a lower cap."""
    answer = explained(stack_traces=[a_trace()], evidence=[piece("T1", TRACE)], **changes)

    assert max(one.confidence for one in answer.root_causes) <= cap


def test_unknown_cause_is_an_answer_with_queries_to_run():
    """Without evidence there is no cause; other services may write about the one that wrote nothing."""
    answer = explained(evidence=[piece("A1", "alert", "alert")], lines_read=0, onset=None)

    assert answer.root_causes == []
    assert answer.most_likely.startswith("Unknown")
    (query,) = [one.next_query for one in answer.unknowns if one.next_query]
    assert query.startswith('{service_name!="checkout-api"} |= "checkout-api" |~ "(?i)error')


def test_claim_that_cannot_be_quoted_is_not_made():
    """A trace whose excerpt does not hold its exception supports no claim."""
    assert explained(stack_traces=[a_trace()], evidence=[piece("T1", "…")]).root_causes == []


def test_every_quote_is_verbatim():
    """Every quote is a part of its evidence text."""
    long = "ERROR " + "x" * 900 + " host=tax Read timed out " + "y" * 900
    evidence = [piece("T1", TRACE), piece("L1", long)]

    answer = explained(stack_traces=[a_trace()], patterns=[a_pattern("x", evidence_id="L1")], evidence=evidence)

    texts = {one.id: one.text for one in evidence}
    quotes = [quote for cause in answer.root_causes for quote in cause.quotes]
    assert {quote.evidence_id for quote in quotes} == {"T1", "L1"}
    assert all(quote.text in texts[quote.evidence_id] for quote in quotes)


def test_two_dependencies_that_fail_alike_are_two_hypotheses():
    """The second must not hide behind the first, and what ended is not said to go on."""
    texts = [f"ERROR No instances available for {name}-service" for name in ("seat", "price")]
    ended = {"last_seen": ONSET + timedelta(seconds=20), "count": 9}
    patterns = [a_pattern(texts[0], **ended), a_pattern(texts[1], evidence_id="L2")]

    answer = explained(patterns=patterns, evidence=[piece("L1", texts[0]), piece("L2", texts[1])])

    first, second = answer.root_causes
    assert first.hypothesis.startswith("seat-service, which checkout-api calls, fails: no instance available.")
    assert first.hypothesis.endswith("the last at 02:56:20 UTC and none since.")
    assert "price-service" in second.hypothesis
    assert "none since" not in second.hypothesis


@pytest.mark.parametrize(
    ("quiet", "values"),
    [(timedelta(seconds=30), None), (timedelta(minutes=3), [0, 0.3, 0.3])],
    ids=["late", "measured"],
)
def test_fault_that_may_go_on_is_not_said_to_have_ended(quiet: timedelta, values: list[float] | None):
    """Lines come late, and a metric may show failures that nothing logs."""
    text = "ERROR No instances available for seat-service"
    series = MeasuredSeries(title="errors", unit="ratio", values=values, threshold=0.1) if values else None
    pattern = a_pattern(text, count=90, first_seen=ONSET, last_seen=ONSET + timedelta(seconds=20))

    answer = explained(
        patterns=[pattern],
        evidence=[piece("L1", text)],
        measured_series=series,
        end=ONSET + timedelta(seconds=20) + quiet,
    )

    assert "none since" not in answer.root_causes[0].hypothesis


def test_exceptions_of_one_chain_are_one_hypothesis():
    """They come in the same entries: the second is no rival of the first."""
    inner = a_trace(exception_type="TypeError", message="'bool' object is not callable", evidence_id="T2")

    answer = explained(stack_traces=[a_trace(), inner], evidence=[piece("T1", TRACE), piece("T2", TRACE)])

    (cause,) = answer.root_causes
    assert "raises KeyError: 'price' (with TypeError: 'bool' object is not callable), 9 times" in cause.hypothesis


def test_frame_of_a_test_is_no_place_to_mend_while_there_is_another():
    """Tests of the service are its own code too."""
    frames = [
        Frame(path="/app/cart.py", line=7, function="total", in_app=True),
        Frame(path="/app/tests/test_cart.py", line=3, function="__eq__", in_app=True),
    ]

    (cause,) = explained(stack_traces=[a_trace(frames=frames)], evidence=[piece("T1", TRACE)]).root_causes

    assert cause.hypothesis.startswith("What total (/app/cart.py:7) calls raises KeyError")


def test_resource_that_a_line_before_the_trace_names_goes_before_the_frame():
    """The exception may not say why: what a new line says each time before it does, and both make one hypothesis."""
    text = "HikariPool-1 - Connection is not available, request timed out after 30096ms."
    stats = "HikariPool-1 - Timeout failure stats (total=10, active=10, idle=0, waiting=52)"
    before = {"first_seen": ONSET, "last_seen": NOW - timedelta(seconds=1)}
    evidence = [piece("T1", TRACE), piece("L1", text), piece("L2", stats)]

    (cause,) = explained(stack_traces=[a_trace()], patterns=[a_pattern(text, **before)], evidence=evidence).root_causes

    assert cause.hypothesis.startswith(
        "checkout-api ran out of a resource: connection pool exhausted (10 of 10 active, up to 52 waiting). "
        "total (/app/cart.py:7) raises KeyError"
    )
    assert [one.evidence_id for one in cause.quotes] == ["L1", "T1", "T1", "L2"]


@pytest.mark.parametrize("changes", [{"count": 3}, {"first_seen": NOW}, {"count_before_onset": 8}])
def test_line_that_is_rarer_later_or_usual_is_no_reason_of_a_failure(changes):
    """Then the service's own code is what fails."""
    text = "connect to payments.internal: connection refused"
    facts = {"stack_traces": [a_trace()], "evidence": [piece("T1", TRACE), piece("L1", text)]}

    causes = explained(patterns=[a_pattern(text, **changes)], **facts).root_causes

    assert causes[0].hypothesis.startswith("total (/app/cart.py:7) raises KeyError")


def test_line_that_was_usual_is_not_also_possible():
    """It came before the onset at the same rate."""
    text = "connect to payments.internal: connection refused"
    usual = a_pattern(text, count=40, count_before_onset=32)

    causes = explained(
        stack_traces=[a_trace()], patterns=[usual], evidence=[piece("T1", TRACE), piece("L1", text)]
    ).root_causes

    assert len(causes) == 1


def test_code_of_an_access_line_is_named_with_its_meaning():
    """The flags say why an upstream failed."""
    text = '"POST /o HTTP/1.1" 503 UF,URX - - "-" 0 91 outbound|80||orders.shop'

    cause = explained(patterns=[a_pattern(text)], evidence=[piece("L1", text)]).root_causes[0]

    assert cause.hypothesis.startswith(
        "orders.shop, which checkout-api calls, fails: connection failed "
        "(response flags: UF upstream connection failure, URX upstream retry limit reached)."
    )


def test_fault_that_two_exceptions_name_is_one_cause():
    """However it shows: a pool without connections fails all that needs one."""
    pool = {"exception_type": "TimeoutError", "message": "QueuePool limit of size 5 overflow 10 reached"}
    other = [Frame(path="/app/mail.py", line=9, function="send", in_app=True)]
    first = a_trace(**pool)
    second = a_trace(**pool, frames=other, count=4, evidence_id="T2")
    text = TRACE.replace("KeyError: 'price'", "TimeoutError: QueuePool limit of size 5 overflow 10 reached")

    causes = explained(stack_traces=[first, second], evidence=[piece("T1", text), piece("T2", text)]).root_causes

    assert [one.evidence_ids for one in causes] == [["T1"]]
    assert "connection pool exhausted (a limit of 15)" in causes[0].hypothesis
