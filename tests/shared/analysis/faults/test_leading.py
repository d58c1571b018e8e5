"""Which fault leads: the reason of a failure, and nothing that was always so."""

from datetime import timedelta

import pytest

from shared.analysis.faults.leading import leading
from shared.contracts import Frame, LogPattern, StackTrace
from tests.builders import NOW, an_incident

ONSET = NOW - timedelta(minutes=4)
REFUSED = "dial tcp stock:80: connect: connection refused"
TRACE = StackTrace(
    language="python",
    exception_type="KeyError",
    frames=[Frame(path="/app/cart.py", line=7, function="total", in_app=True)],
    count=9,
    first_seen=ONSET,
    last_seen=NOW,
)


def pattern(**changes) -> LogPattern:
    """Return an error line about a dependency, new and as often as the trace."""
    fields = {"level": "error", "count": 9, "first_seen": ONSET, "last_seen": NOW, "exemplar": REFUSED}
    return LogPattern(template=REFUSED, **{**fields, **changes})


def name_of(*patterns: LogPattern, traces: tuple[StackTrace, ...] = (TRACE,)) -> str:
    """Return the name of the leading fault."""
    signal = leading(an_incident(onset=ONSET, patterns=list(patterns), stack_traces=list(traces)))
    return signal.rule.name if signal else ""


def test_new_line_before_each_failure_is_its_reason():
    """The exception itself says nothing of the kind."""
    assert name_of(pattern()) == "connection refused"


@pytest.mark.parametrize(
    "changes",
    [
        {"count": 3},
        {"first_seen": ONSET + timedelta(seconds=5)},
        {"count": 40, "count_before_onset": 31},
        {"level": "info"},
    ],
)
def test_other_lines_do_not_lead_where_the_code_fails(changes):
    """Rarer, later, usual or ordinary: none of them is the reason."""
    assert name_of(pattern(**changes)) == ""


def test_trace_that_a_user_may_have_written_hides_no_fault():
    """What it raises is doubtful; what the service's lines say leads."""
    doubtful = TRACE.model_copy(update={"is_doubtful": True})

    assert name_of(pattern(count=3), traces=(doubtful,)) == "connection refused"


def test_usual_trace_does_not_lead():
    """It came as often before."""
    usual = TRACE.model_copy(update={"message": "Permission denied", "count": 40, "count_before_onset": 31})

    assert name_of(traces=(usual,)) == ""
