"""What an incident took divides into the model's part and ours."""

from datetime import UTC, datetime

import pytest

from infra.bench.brief.measured_model import MeasuredCall
from infra.bench.brief.timings import Timing, Usage, chain_of, medians, own_seconds, usage
from infra.local.cli.timeline import StepSpan
from shared.model.pricing import cost_usd

HEAVY, LIGHT = "gemini-3.8-flash", "gemini-3.5-flash-lite"


def call(began: float, ended: float, model: str = HEAVY) -> MeasuredCall:
    """One call of 100 tokens in and 10 out."""
    return MeasuredCall(began, ended, model, 100, 10)


# Detection, three side by side, the solution.
CALLS = [call(0, 1), call(2, 3), call(2, 3.5), call(2, 4), call(5, 6)]


def span(step: str, began: float, ended: float | None) -> StepSpan:
    """A step of the workflow."""
    times = [datetime.fromtimestamp(moment, UTC) if moment is not None else None for moment in (began, ended)]
    assert times[0] is not None
    return StepSpan(1, 0, "main", step, "STEP_SUBWORKFLOW_CALL", "STATE_SUCCEEDED", times[0], times[1])


def test_calls_side_by_side_are_one_link_of_the_chain() -> None:
    """Of those that overlap the longest counts."""
    assert chain_of(CALLS) == (3, 4.0)
    assert chain_of([]) == (0, 0.0)


def test_calls_after_the_mail_cost_but_are_not_on_its_path() -> None:
    """Tokens and dollars are those of the whole incident."""
    total = usage([*CALLS, call(10, 15, LIGHT)], mailed=8)

    assert (total.calls, total.in_series, total.path_s) == (6, 4, 4.0)
    assert (total.tokens_in, total.tokens_out) == (600, 60)
    assert total.usd == pytest.approx(5 * cost_usd(HEAVY, 100, 0, 10) + cost_usd(LIGHT, 100, 0, 10))


def test_own_time_of_a_step_is_what_no_call_covers() -> None:
    """Calls that overlap are not counted twice; a step within another of the same name does not hide it."""
    spans = [span("detect", -0.5, 1.5), span("analyze", 1.8, 4.5), span("analyze", 1.9, 2.0), span("start", 0, 9)]

    assert own_seconds(spans, CALLS) == pytest.approx({"detect": 1.0, "analyze": 0.7})


def test_step_that_runs_still_has_no_time() -> None:
    """It has no end yet."""
    assert own_seconds([span("detect", 0, None)], CALLS) == {}


def test_median_of_three_is_taken_for_each_number() -> None:
    """One slow incident does not move the result."""
    used = Usage(5, 3, 4.0, 500, 50, 0.1)
    timings = [Timing(0.1 * n, float(n), used, early_s=n / 2, steps_s={"read": n / 4}) for n in (1, 2, 40)]

    result = medians(timings)

    assert (result.accepted_s, result.full_s, result.early_s, result.steps_s) == (0.2, 2.0, 1.0, {"read": 0.5})
    assert result.own_s == pytest.approx(-2.0)


def test_median_of_what_sends_no_early_brief_has_none() -> None:
    """The reference sends one mail."""
    assert medians([Timing(0.1, 1.0, Usage(0, 0, 0.0, 0, 0, 0.0))]).early_s is None
