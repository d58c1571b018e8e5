"""One bounded way to try again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from shared import log
from shared.errors import IncidentCopilotError, Throttled, Unavailable

TRIES = 3
FIRST_PAUSE_S = 0.25

Result = TypeVar("Result")
Sleep = Callable[[float], None]


def may_pass(error: IncidentCopilotError) -> bool:
    """Return whether nothing happened and the same request may soon succeed."""
    return isinstance(error, Unavailable | Throttled)


def with_retries(
    attempt: Callable[[float], Result],
    budget_s: float,
    again: Callable[[IncidentCopilotError], bool] = may_pass,
    *,
    tries: int = TRIES,
    first_pause_s: float = FIRST_PAUSE_S,
    sleep: Sleep = time.sleep,
) -> Result:
    """
    Return `attempt(seconds left)`, called at most `tries` times within `budget_s` seconds while `again(error)` is true.

    Waits as long as a Throttled asks for, else about `first_pause_s`, doubled each time; raises the last error.
    """
    deadline = time.monotonic() + budget_s
    for number in range(1, tries + 1):
        try:
            return attempt(deadline - time.monotonic())
        except IncidentCopilotError as error:
            requested_s = error.retry_after_s if isinstance(error, Throttled) else None
            pause_s = backoff_s(number, first_pause_s) if requested_s is None else requested_s
            if not again(error) or number == tries or time.monotonic() + pause_s >= deadline:
                raise
            log.debug("http.waited", wait_s=round(pause_s, 2), attempt=number, error_type=type(error).__name__)
            sleep(pause_s)
    raise AssertionError("the last try returns or raises")


def backoff_s(attempt: int, first_pause_s: float) -> float:
    """Return the pause after an attempt, in seconds; with jitter, so that parallel steps do not retry at once."""
    return float(first_pause_s * 2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311  # not used for a secret
