"""An incident that ended before its brief: there is nothing to do now, and the brief says what to check."""

from datetime import timedelta
from typing import Any

import pytest

from functions.post_process.brief.ended import ended_at
from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage, announcement
from shared.contracts import Incident, LogPattern, MeasuredSeries, MetricAnomaly
from tests.functions import post_process_requests as requests

LAST = requests.ONSET + timedelta(minutes=2)
CALM = LogPattern(
    template="invoice <*> paid",
    level="info",
    count=900,
    first_seen=requests.START,
    last_seen=requests.END,
    exemplar="invoice 1 paid",
)


def pattern(**changes: Any) -> LogPattern:
    """Return a pattern of errors between the onset and LAST."""
    return requests.pattern().replace(first_seen=requests.ONSET, last_seen=LAST, **changes)


def incident(*patterns: LogPattern, **changes: Any) -> Incident:
    """Return an incident whose errors ended by themselves; its service writes on."""
    made = {"verdict": "incident", "patterns": [CALM, *patterns], "stack_traces": [], **changes}
    return requests.incident(**made)


def test_failure_that_surely_would_have_come_again_has_ended() -> None:
    """412 in two minutes, and none in the nine since."""
    assert ended_at(incident(pattern())) == LAST


@pytest.mark.parametrize(
    "going_on",
    [
        incident(pattern(count=2).replace(last_seen=requests.ONSET + timedelta(minutes=4))),
        incident(pattern().replace(last_seen=requests.END)),
        incident(pattern(), patterns=[pattern()]),
        incident(pattern(), onset=None),
        incident(pattern(), verdict="cannot_tell"),
        incident(pattern(), stack_traces=[requests.stack_trace()]),
        incident(
            pattern(), measured_series=MeasuredSeries(title="errors", unit="ratio", values=[0, 0.3, 0.3], threshold=0.1)
        ),
        incident(
            pattern(),
            error_summary=requests.incident().error_summary.replace(
                metric_anomalies=[MetricAnomaly(metric="up", description="up: 1 → 0", at=LAST, baseline=1, value=0)]
            ),
        ),
    ],
    ids=["rare", "still written", "silent", "no onset", "cannot tell", "a trace goes on", "measured still", "down"],
)
def test_failure_that_may_go_on_has_not_ended(going_on: Incident) -> None:
    """Rare failures, dead services and what a metric still shows are no recovery."""
    assert ended_at(going_on) is None


def test_ended_incident_asks_for_nothing_now() -> None:
    """It says what to check, keeps what to do if it comes back, and says so in the subject and by every channel."""
    request = requests.full(incident=incident(pattern()))

    made = render(request, [], Usage())

    nothing = f"Nothing to do now: the last failure was written at {LAST:%H:%M:%S} UTC, and none since."
    assert f"DO NOW\n------\n{nothing}\nCheck that it stays so" in made.text
    assert "IF IT COMES BACK\n----------------\n1. Roll billing-worker back" in made.text
    assert made.subject.startswith("[high, ended] billing-worker: ")
    assert announcement(request, [])["recommended_action"].startswith(f"{nothing} If it comes back: Roll")


def test_subject_says_what_users_meet() -> None:
    """The impact is by code alone; without one the subject has what is wrong."""
    impact = "Up to 60 % of requests fail, since 02:44 UTC."
    title = "TypeError in tax_of is new: 412 since 02:44:42 UTC"

    met = render(requests.full(incident=requests.incident(impact=impact, title=title)), [], Usage()).subject
    wrong = render(requests.full(incident=requests.incident(title=title)), [], Usage()).subject

    assert met == "[high] billing-worker: Up to 60 % of requests fail, since 02:44 UTC"
    assert wrong == f"[high] billing-worker: {title}"
