"""What a status and a Retry-After header mean."""

from datetime import UTC, datetime

import pytest

from shared import clock
from shared.errors import IncidentCopilotError, Refused, Rejected, Throttled, Unavailable, Uncertain
from shared.http.status import error_from_status, retry_after_s

NOW = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "of_read", "of_write"),
    [
        (301, Refused, Refused),
        (400, Rejected, Refused),
        (401, Refused, Refused),
        (403, Refused, Refused),
        (404, Refused, Refused),
        (408, Unavailable, Uncertain),
        (422, Rejected, Refused),
        (429, Throttled, Throttled),
        (499, Unavailable, Uncertain),
        (500, Unavailable, Uncertain),
        (503, Unavailable, Uncertain),
        (599, Unavailable, Uncertain),
    ],
)
def test_status_says_who_must_act(
    status: int, of_read: type[IncidentCopilotError], of_write: type[IncidentCopilotError]
) -> None:
    """A read may promise that nothing happened, a write may not; only who wrote the request can mend a 400."""
    assert type(error_from_status(status, "no", on_rejection=Rejected)) is of_read
    assert type(error_from_status(status, "no", on_failure=Uncertain)) is of_write


def test_throttled_carries_the_wait() -> None:
    """Workflows and the retries wait that long."""
    error = error_from_status(429, "slow down", retry_after="37")

    assert isinstance(error, Throttled)
    assert error.retry_after_s == 37


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("9" * 40, 999_999),
        ("Sat, 14 Mar 2026 02:00:30 GMT", 30),
        ("Sat, 14 Mar 2026 02:00:30 -0000", 30),
        ("Sat, 14 Mar 2026 01:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
    ],
)
def test_both_forms_of_retry_after_are_read(
    header: str | None, seconds: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds and dates; anything else is as good as absent."""
    monkeypatch.setattr(clock, "now", lambda: NOW)

    assert retry_after_s(header) == seconds
