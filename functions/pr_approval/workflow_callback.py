"""Resume the workflow that waits for a decision.

Source: https://cloud.google.com/workflows/docs/creating-callback-endpoints
"""

import google.auth
import google.auth.transport.requests
import requests
from google.auth import exceptions as auth_errors
from pydantic import Field

from shared.errors import IncidentCopilotError, Refused, Unavailable, Uncertain
from shared.http.google_errors import credentials_error
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status
from shared.settings import Settings
from shared.traces.pull_request_record import Decision

GOOGLE = "https://workflowexecutions.googleapis.com/"
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]


class CallbackSettings(Settings):
    """Where callbacks may go."""

    workflow_callback_root: str = Field(
        GOOGLE,
        pattern=r"^https?://[^\s?#]+/$",
        description="Callbacks may go only below this URL; locally, the engine's root.",
    )
    workflow_callback_timeout_s: float = Field(15, gt=0, le=60, description="Timeout of one callback, in seconds.")


def wake(callback_url: str, decision: Decision) -> None:
    """
    Send the decision to the waiting workflow; sending it twice changes nothing.

    Raises Refused (not our callback, or the workflow has ended), Throttled, Unavailable, Uncertain, Misconfigured.
    """
    settings = CallbackSettings.from_env()
    if not callback_url.startswith(settings.workflow_callback_root):
        raise Refused(f"The callback is not below {settings.workflow_callback_root!r}")
    headers = {"Authorization": f"Bearer {_token()}"} if settings.workflow_callback_root == GOOGLE else {}
    try:
        reply = requests.post(
            callback_url,
            json={"decision": decision},
            headers=headers,
            timeout=settings.workflow_callback_timeout_s,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        kind = Unavailable if was_not_sent(error) else Uncertain
        raise kind(f"Workflows did not answer the callback: {type(error).__name__}") from error
    if reply.status_code >= 300:
        raise _error(reply)


def _error(reply: requests.Response) -> IncidentCopilotError:
    ended = ": its execution has ended, or we may not call it" if reply.status_code < 500 else ""
    message = f"Workflows answered {reply.status_code} to the callback{ended}"
    retry_after = reply.headers.get("Retry-After")
    return error_from_status(reply.status_code, message, retry_after=retry_after, on_failure=Uncertain)


def _token() -> str:
    """Return an access token of the function's own account; the callback does not accept an identity token."""
    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
        credentials.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]  # untyped
    except auth_errors.GoogleAuthError as error:
        raise credentials_error("The callback", error) from error
    return str(credentials.token)
