"""The errors of Google's client libraries as ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions as google
from google.auth import exceptions as auth

from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable

Kind = type[IncidentCopilotError]


@contextmanager
def translated(subject: str, *, on_timeout: Kind = Unavailable, on_failure: Kind = Unavailable) -> Iterator[None]:
    """
    Raise our errors for those of Google's libraries; `subject` begins the message: "Firestore database 'x'".

    Raises Throttled (quota), Refused (any other refusal), Misconfigured (no credentials), `on_timeout` (no reply in
    time) and `on_failure` (5xx, aborted): Unavailable for a read, Uncertain for a write that must not happen twice.
    """
    try:
        yield
    except google.ResourceExhausted as error:
        raise Throttled(f"{subject} is over its quota: {error}") from error
    except google.DeadlineExceeded as error:
        raise on_timeout(f"{subject} did not answer in time: {error}") from error
    except (google.ServerError, google.RetryError, google.Aborted) as error:
        raise on_failure(f"{subject} did not answer: {error}") from error
    except google.ClientError as error:
        raise Refused(f"{subject} refused: {error}") from error
    except auth.GoogleAuthError as error:
        raise credentials_error(subject, error) from error


def credentials_error(subject: str, error: auth.GoogleAuthError) -> IncidentCopilotError:
    """Return why no token was issued: Misconfigured (no credentials), Unavailable (no answer), Refused (refused)."""
    if isinstance(error, auth.DefaultCredentialsError):
        return Misconfigured(f"{subject} needs Google credentials: {error}")
    if isinstance(error, auth.TransportError) or error.retryable:
        return Unavailable(f"{subject} cannot be called, Google's token service did not answer: {error}")
    return Refused(f"{subject} cannot be called, Google issued no token: {error}")
