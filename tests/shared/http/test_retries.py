"""Trying again: how often, how long, and after which errors."""

import pytest

from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable, Uncertain
from shared.http.retries import TRIES, with_retries


class Attempts:
    """Fails with the given errors in turn, then succeeds; counts calls and pauses."""

    def __init__(self, *errors: IncidentCopilotError) -> None:
        self.errors = list(errors)
        self.calls = 0
        self.pauses: list[float] = []

    def __call__(self, left_s: float) -> str:
        """Take the next turn."""
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


@pytest.mark.parametrize("error", [Unavailable("away"), Throttled("slow down", 2)])
def test_transient_error_is_tried_again(error: IncidentCopilotError) -> None:
    """The second try's result is returned."""
    attempts = Attempts(error)

    assert with_retries(attempts, 60, sleep=attempts.pauses.append) == "done"
    assert attempts.calls == 2


@pytest.mark.parametrize("error", [Refused("no"), Uncertain("perhaps")])
def test_final_error_is_raised_at_once(error: IncidentCopilotError) -> None:
    """A refusal stays one, and what may have happened is not done twice."""
    attempts = Attempts(error)

    with pytest.raises(type(error)):
        with_retries(attempts, 60, sleep=attempts.pauses.append)
    assert (attempts.calls, attempts.pauses) == (1, [])


def test_last_error_is_raised_after_three_tries() -> None:
    """Who calls learns why the last try failed."""
    attempts = Attempts(*(Unavailable(f"try {number}") for number in range(9)))

    with pytest.raises(Unavailable, match="try 2"):
        with_retries(attempts, 60, sleep=attempts.pauses.append)
    assert attempts.calls == TRIES


def test_pauses_grow_with_jitter() -> None:
    """Parallel steps do not come back at the same moment."""
    attempts = Attempts(Unavailable("a"), Unavailable("b"))

    with_retries(attempts, 60, first_pause_s=1, sleep=attempts.pauses.append)

    first, second = attempts.pauses
    assert 0.5 <= first <= 1.5
    assert 1 <= second <= 3


def test_requested_wait_is_kept() -> None:
    """A service that says how long knows better."""
    attempts = Attempts(Throttled("slow down", 7))

    with_retries(attempts, 60, sleep=attempts.pauses.append)

    assert attempts.pauses == [7]


def test_wait_beyond_the_budget_is_not_begun() -> None:
    """The caller's time is kept; the error says how long it would take."""
    attempts = Attempts(Throttled("slow down", 3600))

    with pytest.raises(Throttled) as caught:
        with_retries(attempts, 60, sleep=attempts.pauses.append)
    assert (attempts.pauses, caught.value.retry_after_s) == ([], 3600)


def test_caller_chooses_how_often() -> None:
    """A model is asked four times."""
    attempts = Attempts(*(Unavailable("away") for _ in range(9)))

    with pytest.raises(Unavailable):
        with_retries(attempts, 60, tries=4, sleep=attempts.pauses.append)
    assert attempts.calls == 4
