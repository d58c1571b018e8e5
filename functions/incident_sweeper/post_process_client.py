"""Calls the function post_process to publish an incident, by HTTP as the workflow does."""

import functools
from datetime import timedelta

import requests
from google.auth import exceptions as auth_errors
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from pydantic import Field, ValidationError

from shared.bounds import clip
from shared.contracts import StepCall, StepResult
from shared.errors import BadAnswer, IncidentCopilotError, Unavailable, Uncertain
from shared.http.google_errors import credentials_error
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status
from shared.settings import Settings


class PostProcessSettings(Settings):
    """The address of the function, and how long to wait for it."""

    post_process_function_url: str = Field(
        pattern=r"^(https://[^/]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/?$",
        description="Root URL of the function post_process; called with an ID token, except for http on loopback.",
    )
    post_process_function_timeout_s: float = Field(
        140, gt=0, le=1800, description="Timeout of a call to post_process, in seconds; keep over its own timeout."
    )


class PostProcessClient:
    """The function post_process. It publishes an incident once, however often it is called."""

    def __init__(self, settings: PostProcessSettings) -> None:
        self._url = settings.post_process_function_url.rstrip("/")
        self._timeout_s = settings.post_process_function_timeout_s

    @property
    def timeout(self) -> timedelta:
        """How long one call may take."""
        return timedelta(seconds=self._timeout_s)

    def publish(self, call: StepCall) -> StepResult:
        """
        Publish the incident; return what post_process answers: its outcome is in the trace, or in the digest.

        Raises Uncertain when it did not reply and may still be publishing; Misconfigured, Unavailable, Refused,
        Throttled and BadAnswer when it is not working on the incident.
        """
        try:
            reply = requests.post(
                self._url,
                data=call.model_dump_json(),
                headers={"Content-Type": "application/json", **self._authorization()},
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if was_not_sent(error):
                raise Unavailable(f"post_process at {self._url!r} cannot be reached") from error
            raise Uncertain(f"post_process at {self._url!r} did not reply in {self._timeout_s} s") from error
        if reply.status_code != 200:
            raise self._error(reply)
        try:
            return StepResult.model_validate_json(reply.content)
        except ValidationError as error:
            raise BadAnswer(f"post_process at {self._url!r} answered what is not a StepResult") from error

    def _authorization(self) -> dict[str, str]:
        if self._url.startswith("http://"):
            return {}
        try:
            token = id_token.fetch_id_token(Request(), self._url)  # type: ignore[no-untyped-call]  # google-auth has no types here
        except auth_errors.GoogleAuthError as error:
            raise credentials_error(f"post_process at {self._url!r}", error) from error
        return {"Authorization": f"Bearer {token}"}

    def _error(self, reply: requests.Response) -> IncidentCopilotError:
        message = f"post_process at {self._url!r} answered {reply.status_code}: {clip(reply.text, 300)}"
        return error_from_status(reply.status_code, message, retry_after=reply.headers.get("Retry-After"))


def connect() -> PostProcessClient:
    """Return the client of the function that the settings name, cached. Raises Misconfigured."""
    return _post_process(PostProcessSettings.from_env())


@functools.cache
def _post_process(settings: PostProcessSettings) -> PostProcessClient:
    return PostProcessClient(settings)
