"""What a status code and a Retry-After header mean, in our own errors."""

from datetime import UTC
from email.utils import parsedate_to_datetime

from shared import clock
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable

Kind = type[IncidentCopilotError]

_ABOUT_ACCESS = (401, 403, 404, 405, 407, 410)
# The service, or a proxy before it, gave up waiting; the request itself may be fine.
_GAVE_UP = (408, 499)
_MAX_WAIT_S = 999_999


def error_from_status(
    status: int,
    message: str,
    *,
    retry_after: str | None = None,
    on_failure: Kind = Unavailable,
    on_rejection: Kind = Refused,
) -> IncidentCopilotError:
    """
    Return the error for a status of 300 or more.

        429                                   Throttled, with the wait that `retry_after` (the header) asks for
        3xx, 401, 403, 404, 405, 407, 410     Refused: wrong address, or no access
        5xx, 408, 499                         `on_failure`: Unavailable for a read, Uncertain for a write
        any other 4xx                         `on_rejection`: Rejected where the caller wrote the request

    Source: RFC 9110, section 15.
    """
    if status == 429:
        return Throttled(message, retry_after_s(retry_after))
    if status < 400 or status in _ABOUT_ACCESS:
        return Refused(message)
    if status >= 500 or status in _GAVE_UP:
        return on_failure(message)
    return on_rejection(message)


def retry_after_s(header: str | None) -> float | None:
    """
    Return a Retry-After header in seconds from now, or None when it is absent or unreadable.

    Both forms are read: seconds, and a date. Source: RFC 9110, section 10.2.3.
    """
    text = (header or "").strip()
    if text.isdecimal():
        return min(float(text), _MAX_WAIT_S)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    # "-0000" gives a naive time, which the format says is UTC.
    return max(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - clock.now()).total_seconds(), 0.0)
