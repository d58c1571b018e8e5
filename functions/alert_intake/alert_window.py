"""The window of telemetry that an alert is about. Pure."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from shared.errors import Rejected

from .alert_fields import moment_of

MAX_WINDOW_S = 604_800


def window_of(
    body: Mapping[str, Any], started_at: datetime | None, received_at: datetime, default_s: int
) -> tuple[datetime, datetime]:
    """
    Return start and end of the telemetry to read: `lookup_window_seconds` of the body up to its `end_time` or arrival.

    When the alert fired before that, the window starts as many seconds before `started_at`; at most seven days in all.
    Raises Rejected naming the field.
    """
    window = timedelta(seconds=_window_s(body.get("lookup_window_seconds"), default_s))
    end = _end(body.get("end_time"), received_at)
    start = end - window
    if started_at is not None and started_at < start:
        start = max(started_at - window, end - timedelta(seconds=MAX_WINDOW_S))
    return start, end


def _window_s(value: object, default: int) -> int:
    # Grafana templates write only strings, so quoted digits count as a number too.
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,7}", value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_WINDOW_S:
        raise Rejected(f"lookup_window_seconds: must be a whole number of seconds from 1 to {MAX_WINDOW_S}")
    return value


def _end(value: object, received_at: datetime) -> datetime:
    if value is None:
        return received_at
    end = moment_of(value)
    if end is None or end > received_at + timedelta(minutes=5):
        raise Rejected("end_time: must be a past time with its zone, for example 2026-01-31T08:00:00Z")
    return end
