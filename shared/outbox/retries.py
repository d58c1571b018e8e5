"""Retries of both senders: which requests were never sent, and how long to try."""

import time
from collections.abc import Callable
from typing import TypeVar

import requests
from urllib3 import exceptions as urllib3

from shared.errors import IncidentCopilotError, Throttled, Unavailable

TRIES = 3
FIRST_PAUSE_S = 0.25

Result = TypeVar("Result")
Sleep = Callable[[float], None]

_BEFORE_SENDING = (urllib3.NewConnectionError, urllib3.ConnectTimeoutError, urllib3.SSLError, urllib3.ProxyError)


def was_not_sent(error: requests.RequestException) -> bool:
    """Return whether the connection was never made, so that nothing can have happened at the receiver."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.SSLError):
        return True
    inner = error.args[0] if error.args else None
    return isinstance(inner, urllib3.MaxRetryError) and isinstance(inner.reason, _BEFORE_SENDING)


def with_retries(
    attempt: Callable[[float], Result],
    budget_s: float,
    again: tuple[type[IncidentCopilotError], ...] = (Unavailable, Throttled),
    sleep: Sleep = time.sleep,
) -> Result:
    """
    Return `attempt(seconds left)`, called at most three times within `budget_s` seconds while it raises one of `again`.

    Waits as long as a Throttled asks for, else a quarter of a second, doubled each time; raises the last error.
    """
    deadline = time.monotonic() + budget_s
    for number in range(1, TRIES + 1):
        try:
            return attempt(deadline - time.monotonic())
        except again as error:
            requested_s = error.retry_after_s if isinstance(error, Throttled) else None
            pause_s = FIRST_PAUSE_S * 2 ** (number - 1) if requested_s is None else requested_s
            if number == TRIES or time.monotonic() + pause_s >= deadline:
                raise
            sleep(pause_s)
    raise AssertionError("the last try returns or raises")


def retry_after_s(value: str | None) -> float | None:
    """Return a Retry-After header in seconds, or None when absent or written as a date."""
    return float(value) if value and value.isdigit() else None
