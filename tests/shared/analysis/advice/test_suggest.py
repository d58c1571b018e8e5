"""What to do now, without a model."""

from datetime import timedelta

import pytest

from shared.analysis.advice.suggest import suggest
from shared.contracts import Frame, LogPattern, MetricAnomaly, StackTrace, SuggestionRequest, Suggestions
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
    """Return what is suggested for an incident of checkout-api at commit abc1234."""
    incident = an_incident(**{"onset": ONSET, **changes})
    return suggest(SuggestionRequest(alert=an_alert(commit="abc1234"), incident=incident))


def said(text: str) -> list[LogPattern]:
    """Return the error as the only pattern."""
    return [LogPattern(template=text, level="error", count=9, exemplar=text, **SEEN)]


def test_new_failure_of_own_code_suggests_rollback_then_patch():
    """The quickest way back first, the lasting one second."""
    answer = suggested(stack_traces=[OWN])

    assert [one.type for one in answer.suggestions][:2] == ["rollback", "patch"]
    assert "abc1234" in answer.recommended_action


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("ERROR connect ECONNREFUSED 10.0.0.5:443", "api"),
        ("ERROR No space left on device", "scale"),
        ("ERROR environment variable STRIPE_KEY is not set", "config"),
    ],
)
def test_words_of_known_trouble_suggest_their_remedy(text, type_):
    """A dependency is checked, a resource widened, a configuration restored."""
    first = suggested(patterns=said(text)).suggestions[0]

    assert (first.type, first.priority) == (type_, "high")


def test_only_words_that_were_logged_stand_in_quotation_marks():
    """The name of a kind of trouble is ours, so it stands without."""
    answer = suggested(patterns=said("ERROR no healthy upstream for host pay-a"))

    assert "no instance available" in answer.suggestions[0].description
    assert not set('“”"') & set(answer.suggestions[0].description)


def test_crash_is_no_question_of_configuration():
    """A crash with its trace is that trace; without one, its end is to be found out."""
    crash = said("panic: assignment to entry in nil map")
    panic = OWN.model_copy(update={"language": "go", "exception_type": "panic", "message": "nil map"})

    with_trace = suggested(patterns=crash, stack_traces=[panic])
    without = suggested(patterns=crash)

    assert not any("crash" in one.description for one in with_trace.suggestions)
    assert "config" not in [one.type for one in (*with_trace.suggestions, *without.suggestions)]
    assert "it crashed" in without.suggestions[0].description


def test_logs_that_stopped_suggest_to_look_whether_the_service_runs():
    """A stop is told apart from lost logs first."""
    stop = MetricAnomaly(metric="log_rate", description="log_rate: 14 → 0", at=ONSET, baseline=14, value=0)

    answer = suggested(error_summary={"metric_anomalies": [stop]})

    assert "runs and answers" in answer.recommended_action
    assert answer.degraded is None


def test_saturation_suggests_more_instances():
    """A load that left its range is shared out."""
    anomaly = MetricAnomaly(metric="cpu usage", description="cpu: 5 → 99", at=ONSET, baseline=5, value=99)

    assert "scale" in [one.type for one in suggested(error_summary={"metric_anomalies": [anomaly]}).suggestions]


def test_there_is_always_something_to_do():
    """Knowing nothing, look where it happens; every suggestion has steps."""
    answer = suggested(evidence=[])

    assert answer.suggestions
    assert answer.recommended_action
    assert all(one.steps for one in answer.suggestions)
