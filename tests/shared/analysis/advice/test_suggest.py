"""Offline suggestions: what to do now."""

from datetime import timedelta

import pytest

from shared.analysis.advice.suggest import suggest
from shared.contracts import (
    Change,
    Command,
    ErrorSummary,
    Evidence,
    Frame,
    LogPattern,
    MetricAnomaly,
    OtherService,
    StackTrace,
    SuggestionRequest,
    Suggestions,
)
from tests.builders import NOW, an_alert, an_incident

ONSET = NOW - timedelta(minutes=4)
SEEN = {"first_seen": ONSET, "last_seen": NOW}
OWN = StackTrace(
    language="python",
    exception_type="KeyError",
    frames=[Frame(path="/app/cart.py", line=7, function="total", in_app=True)],
    **SEEN,
)


def suggested(**changes) -> Suggestions:
    """Return the suggestions for an incident of checkout-api at commit abc1234."""
    incident = an_incident(**{"onset": ONSET, **changes})
    return suggest(SuggestionRequest(alert=an_alert(commit="abc1234"), incident=incident))


def error_pattern(text: str) -> list[LogPattern]:
    """Return the error as the only pattern."""
    return [LogPattern(template=text, level="error", count=9, exemplar=text, **SEEN)]


def test_new_failure_of_own_code_suggests_rollback_then_patch():
    """The rollback is faster, so it comes before the permanent fix."""
    answer = suggested(stack_traces=[OWN])

    assert [one.type for one in answer.suggestions][:2] == ["rollback", "patch"]
    assert "abc1234" in answer.recommended_action


def test_rollback_names_the_version_that_was_read():
    """Nobody is asked to find what is known."""
    change = Change(kind="rollout", at=ONSET, what="2 instances began.", version_before="2.14.1", error_share=1)
    answer = suggested(stack_traces=[OWN], what_changed=[change])

    assert answer.recommended_action == f"Roll checkout-api back to 2.14.1, the version until {ONSET:%H:%M} UTC."
    assert "whether all instances" not in " ".join(one.description for one in answer.suggestions)


def test_rollout_that_alone_fails_is_rolled_back_without_a_trace():
    """Which instances write the error says enough; how they write it does not matter."""
    change = Change(kind="rollout", at=ONSET, what="1 instance began.", error_share=1, evidence_id="L1")

    answer = suggested(what_changed=[change], patterns=error_pattern("ERROR order 7 was not priced"))

    assert answer.recommended_action == f"Roll checkout-api back to what ran until {ONSET:%H:%M} UTC."


def test_without_a_version_a_change_is_looked_for_before_anything_is_rolled_back():
    """Nothing that was read says that there is a version to return from."""
    incident = an_incident(onset=ONSET, stack_traces=[OWN])

    answer = suggest(SuggestionRequest(alert=an_alert(commit=None), incident=incident))

    assert answer.recommended_action.startswith("Find what was deployed or configured in checkout-api shortly before")


def test_trouble_of_another_service_is_looked_for_there():
    """What is done to the alert's own service ends nothing, so no rollback or instance of it is suggested."""
    suspect = OtherService(
        service_name="pricing", requests=9, failed_in=9, failed_first_in=9, role="suspect", basis="failed_first"
    )

    answer = suggested(stack_traces=[OWN], other_services=[suspect])

    assert answer.recommended_action == "Look at pricing first: the trouble of checkout-api begins there."
    assert not {"rollback", "scale"} & {one.type for one in answer.suggestions}
    assert not any("whether all instances" in one.description for one in answer.suggestions)


def test_resource_that_an_exception_names_comes_before_a_rollback_and_no_code_is_to_blame():
    """A version may have brought it, but what ran out is known."""
    trace = OWN.model_copy(update={"exception_type": "TimeoutError", "message": "QueuePool limit of size 5 reached"})

    answer = suggested(stack_traces=[trace])

    assert [one.type for one in answer.suggestions] == ["scale", "rollback"]


def test_query_to_watch_holds_what_does_not_vary_of_the_message():
    """Another error of the same class, or another order number, would make it useless."""
    trace = OWN.model_copy(update={"message": "no price for 7", "evidence_id": "T1"})
    text = Evidence(id="T1", source="logs", text="2031-01-01 ERROR KeyError: no price for 7")

    answer = suggested(stack_traces=[trace], evidence=[text], log_selector='{app="shop"}')

    commands = [command for one in answer.suggestions if one.type == "rollback" for command in one.commands]
    assert commands == [
        Command(what="After it, watch that this stops", command='{app="shop"} |= "KeyError: no price for"')
    ]


def test_failure_that_may_be_as_old_as_the_service_suggests_no_rollback():
    """What came before the onset was not read, so no version is known to have worked."""
    answer = suggested(stack_traces=[OWN], shows_before_onset=False)

    assert "rollback" not in [one.type for one in answer.suggestions]


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("ERROR connect ECONNREFUSED 10.0.0.5:443", "api"),
        ("ERROR No space left on device", "scale"),
        ("ERROR environment variable STRIPE_KEY is not set", "config"),
    ],
)
def test_words_of_a_known_fault_suggest_its_remedy(text, type_):
    """Check the dependency, enlarge the resource or restore the configuration."""
    first = suggested(patterns=error_pattern(text)).suggestions[0]

    assert (first.type, first.priority) == (type_, "high")


def test_only_logged_words_are_in_quotation_marks():
    """The name of a fault is our word, so it has no quotation marks."""
    answer = suggested(patterns=error_pattern("ERROR no healthy upstream for host pay-a"))

    assert "no instance available" in answer.suggestions[0].description
    assert not set('“”"') & set(answer.suggestions[0].description)


def test_crash_is_not_a_configuration_fault():
    """A crash with a trace is explained by the trace; without one, the suggestion is to find the reason."""
    crash = error_pattern("panic: assignment to entry in nil map")
    panic = OWN.model_copy(update={"language": "go", "exception_type": "panic", "message": "nil map"})

    with_trace = suggested(patterns=crash, stack_traces=[panic])
    without = suggested(patterns=crash)

    assert not any("crash" in one.description for one in with_trace.suggestions)
    assert "config" not in [one.type for one in (*with_trace.suggestions, *without.suggestions)]
    assert "it crashed" in without.suggestions[0].description


def test_stopped_logs_suggest_checking_that_the_service_runs():
    """The first step distinguishes a stopped service from lost logs."""
    stop = MetricAnomaly(metric="log_rate", description="log_rate: 14 → 0", at=ONSET, baseline=14, value=0)

    answer = suggested(error_summary={"metric_anomalies": [stop]})

    assert "runs and answers" in answer.recommended_action
    assert answer.degraded is None


def test_saturation_suggests_more_instances():
    """More instances share a load that left its usual range."""
    anomaly = MetricAnomaly(metric="cpu usage", description="cpu: 5 → 99", at=ONSET, baseline=5, value=99)

    assert "scale" in [one.type for one in suggested(error_summary={"metric_anomalies": [anomaly]}).suggestions]


def test_there_is_always_a_suggestion_with_steps():
    """Without evidence the suggestion is to look at the service; every suggestion has steps."""
    answer = suggested(evidence=[])

    assert answer.suggestions
    assert answer.recommended_action
    assert all(one.steps for one in answer.suggestions)


@pytest.mark.parametrize(
    ("metric", "is_advised"),
    [("cpu_used", True), ("queue_length", True), ("http_latency_p99", False), ("memory_rss", False), ("flags", False)],
)
def test_more_instances_are_advised_only_where_they_share_the_load(metric: str, is_advised: bool):
    """Each further instance fills its own memory too, and a latency does not say what it waits for."""
    moved = MetricAnomaly(metric=metric, description=f"{metric}: 1 → 9", at=ONSET, baseline=1, value=9)

    answer = suggested(error_summary=ErrorSummary(metric_anomalies=[moved]))

    assert any(one.description.startswith("Add instances") for one in answer.suggestions) == is_advised


def test_advice_about_a_pool_is_about_the_pool_with_its_numbers():
    """What holds its connections comes before a larger pool; the numbers are those its messages state."""
    text = "HikariPool-1 - Connection is not available, request timed out after 30096ms."
    stats = "DEBUG HikariPool-1 - Timeout failure stats (total=10, active=10, idle=0, waiting=52)"
    evidence = [Evidence(id="L1", source="logs", text=text), Evidence(id="L2", source="logs", text=stats)]

    answer = suggested(patterns=error_pattern(text), evidence=evidence)

    assert answer.recommended_action == (
        "Find what holds the connections of checkout-api before its pool is made larger. "
        "Its logs say: connection pool exhausted (10 of 10 active, up to 52 waiting)."
    )
    assert not any("instances that are stuck" in step for step in answer.suggestions[0].steps)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        (
            "Error: Missing required environment variable: TAX_URL",
            "Set TAX_URL for checkout-api: missing configuration.",
        ),
        ("Could not resolve placeholder 'tax.url' in value", "Set tax.url for checkout-api: missing configuration."),
        ("ImproperlyConfigured: bad", "Check the configuration of checkout-api: missing configuration."),
    ],
)
def test_advice_names_the_setting_that_is_missing(text: str, action: str):
    """Where the message names one."""
    assert suggested(patterns=error_pattern(text)).recommended_action == action


def test_named_fault_without_any_version_is_no_reason_to_roll_back():
    """Nothing says that a version has to do with it."""
    trace = OWN.model_copy(update={"exception_type": "TimeoutError", "message": "QueuePool limit of size 5 reached"})
    incident = an_incident(onset=ONSET, stack_traces=[trace])

    answer = suggest(SuggestionRequest(alert=an_alert(), incident=incident))

    assert [one.type for one in answer.suggestions] == ["scale"]


def test_panic_is_mended_in_the_code_like_any_exception():
    """That it crashed names nothing else to blame."""
    trace = OWN.model_copy(update={"language": "go", "exception_type": "panic", "message": "index out of range"})

    answer = suggested(stack_traces=[trace])

    assert any(one.advice_id == "fix_code" for one in answer.suggestions)
