"""Confidence is worth what it claims."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.score.code.calibration import calibration

CLAIMS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


def test_claims_that_hold_as_often_as_they_say_have_no_error() -> None:
    """Three of four at 75 %; always claiming the mean is as good."""
    measured = calibration([(0.75, True)] * 3 + [(0.75, False)])

    assert (measured.count, measured.error, measured.better) == (4, 0.0, 0.0)
    assert [(each.low, each.count, each.right) for each in measured.bins] == [(0.7, 4, 0.75)]


def test_claims_that_part_right_from_wrong_are_better_than_the_mean() -> None:
    """And those that are sure of what is wrong are worse."""
    assert calibration([(1.0, True), (0.0, False)]).better == 1.0
    assert calibration([(0.0, True), (1.0, False)]).better == pytest.approx(-3.0)


def test_nothing_claimed_is_nothing_measured() -> None:
    """No division by nothing."""
    assert calibration([]).bins == ()


@given(CLAIMS)
def test_every_claim_is_in_one_bin(claims: list[tuple[float, bool]]) -> None:
    """Also one that is wholly sure."""
    measured = calibration(claims)

    assert sum(each.count for each in measured.bins) == len(claims)
    assert 0 <= measured.error <= 1
