"""What a reader at night needs first: what broke, whether it goes on, what to do, and no word of it twice."""

from datetime import timedelta
from typing import Any

import pytest

from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage
from shared.contracts import Command, ErrorSummary, MeasuredSeries, MetricAnomaly, PostProcessRequest, RootCauses
from tests.functions import post_process_requests as requests

AT = requests.ONSET + timedelta(minutes=1)
SLOW = MetricAnomaly(metric="latency_p95", description="latency_p95: 0.2 s → 3 s", at=AT, baseline=0.2, value=3)


def text_of(request: PostProcessRequest) -> str:
    """Return the text of a brief."""
    return render(request, [], Usage()).text


def measured(values: list[float | None], **changes: Any) -> PostProcessRequest:
    """Return an incident without an error line, of whose latency these values were read."""
    series = MeasuredSeries(title="latency_p95", unit="s", values=values, **changes)
    summary = ErrorSummary(metric_anomalies=[SLOW])
    return requests.full(incident=requests.incident(error_summary=summary, measured_series=series))


@pytest.mark.parametrize(
    ("values", "threshold", "goes_on"),
    [
        ([0.2, 3, 2.8], None, True),
        ([0.2, 3, 0.3], None, False),
        ([0.2, 3, None], None, True),
        ([0.2, None, None], None, False),
        ([0.2, 3, 1.1], 1.0, True),
        ([0.2, 3, 0.9], 1.0, False),
    ],
)
def test_harm_that_only_a_metric_shows_is_said_to_go_on(
    values: list[float | None], threshold: float | None, goes_on: bool
) -> None:
    """By the threshold of the alert, else by which value of the series the last one is closer to."""
    since = text_of(measured(values, threshold=threshold)).splitlines()[2]

    assert (", still at " in since) == goes_on


def test_series_that_is_drawn_is_not_described_again_below_the_chart() -> None:
    """The words of the chart hold its values."""
    text = text_of(measured([0.2, 3, 3]))

    assert "latency_p95, 02:" in text
    assert SLOW.description not in text


@pytest.mark.parametrize(
    ("symptom", "stands"),
    [("up to 60 % of requests fail since 02:44:42 UTC, 0 % before.", False), ("Pods restart", True)],
)
def test_symptom_that_says_the_headline_again_is_left_out(symptom: str, stands: bool) -> None:
    """Another symptom stands below it where no cause is named."""
    incident = requests.incident(impact="Up to 60 % of requests fail, since 02:44 UTC.", initial_symptoms=[symptom])

    opening = text_of(requests.full(incident=incident, root_causes=RootCauses())).split("MOST LIKELY CAUSE")[0]

    assert "Up to 60 % of requests fail, since 02:44 UTC" in opening
    assert (symptom.rstrip(".") in opening) == stands


def test_healthy_service_is_called_so_in_the_headline() -> None:
    """The name of an alert alone looks like a fault."""
    calm = requests.dismissed()
    assert calm.incident is not None
    proven = calm.incident.replace(initial_symptoms=[], health=["90 log entries since, none of them an error."])

    headline = text_of(calm.replace(incident=proven)).splitlines()[1]

    assert headline.startswith("No harm seen. ")


def test_revert_that_a_pull_request_makes_is_no_command_too() -> None:
    """Made twice it conflicts; without the pull request the command stays."""
    sha = "4c1d9e07aa31" + "0" * 28
    revert = Command(what="On a branch", command=f"git revert {sha}")
    suggestions = requests.suggestions()
    suggestions = suggestions.replace(suggestions=[suggestions.suggestions[0].replace(commands=[revert])])
    branch = requests.branch().replace(reverts=sha)

    made = text_of(requests.full(suggestions=suggestions, branch=branch))
    unmade = text_of(requests.full(suggestions=suggestions, branch=branch, pull_request=None))

    assert "git revert" not in made
    assert f"git revert {sha}" in unmade
