"""Google's errors as ours: the class says who must act."""

import pytest
from google.api_core import exceptions as google
from google.auth import exceptions as auth

from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.http.google_errors import translated


@pytest.mark.parametrize(
    ("error", "of_read", "of_write"),
    [
        (google.ResourceExhausted("quota"), Throttled, Throttled),
        (google.DeadlineExceeded("late"), Unavailable, Uncertain),
        (google.ServiceUnavailable("away"), Unavailable, Uncertain),
        (google.RetryError("gave up", None), Unavailable, Uncertain),
        (google.Aborted("contention"), Unavailable, Uncertain),
        (google.PermissionDenied("no"), Refused, Refused),
        (google.NotFound("no such topic"), Refused, Refused),
        (auth.DefaultCredentialsError("none"), Misconfigured, Misconfigured),  # type: ignore[no-untyped-call]
        (auth.TransportError("away"), Unavailable, Unavailable),  # type: ignore[no-untyped-call]
        (auth.RefreshError("revoked"), Refused, Refused),  # type: ignore[no-untyped-call]
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_error_says_who_must_act(
    error: Exception, of_read: type[IncidentCopilotError], of_write: type[IncidentCopilotError]
) -> None:
    """Reads promise that nothing happened, writes that may not be repeated do not; the cause stays."""
    with pytest.raises(of_read, match=r"^The store ") as caught, translated("The store"):
        raise error
    assert type(caught.value) is of_read
    assert caught.value.__cause__ is error

    with pytest.raises(of_write), translated("The store", on_timeout=Uncertain, on_failure=Uncertain):
        raise error


def test_other_errors_pass() -> None:
    """A bug is not an outage."""
    with pytest.raises(ValueError, match="bug"), translated("The store"):
        raise ValueError("bug")
