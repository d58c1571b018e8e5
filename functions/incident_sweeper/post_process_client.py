"""Asks the function post_process to tell an incident, by HTTP as the workflow does."""

import functools
from datetime import timedelta

import requests
from google.auth import exceptions as auth_errors
from google.auth.transport.requests import Request
from google.oauth2 import id_token
from pydantic import Field, ValidationError

from shared.contracts import Outcome, PostProcessRequest
from shared.errors import BadAnswer, IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox.retries import was_not_sent
from shared.settings import Settings


class PostProcessSettings(Settings):
    """Where the function answers, and how long it is waited for."""

    post_process_function_url: str = Field(
        pattern=r"^(https://[^/]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/?$",
        description="Root URL of the function post_process; asked with an ID token, but for http on loopback.",
    )
    post_process_function_timeout_s: float = Field(
        260, gt=0, le=1800, description="Patience with post_process, in seconds; over its own timeout."
    )


class PostProcessClient:
    """The function post_process. It tells an incident once, however often it is asked."""

    def __init__(self, settings: PostProcessSettings) -> None:
        self._url = settings.post_process_function_url.rstrip("/")
        self._timeout_s = settings.post_process_function_timeout_s

    @property
    def timeout(self) -> timedelta:
        """How long one call may take."""
        return timedelta(seconds=self._timeout_s)

    def publish(self, request: PostProcessRequest) -> Outcome:
        """
        Have the incident told; return its outcome.

        Raises Uncertain when it did not reply and may still be telling; Misconfigured, Unavailable, Refused, Throttled
        and BadAnswer when it is not at work on the incident.
        """
        try:
            reply = requests.post(
                self._url,
                data=request.model_dump_json(),
                headers={"Content-Type": "application/json", **self._authorization()},
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            if was_not_sent(error):
                raise Unavailable(f"post_process at {self._url!r} cannot be reached") from error
            raise Uncertain(f"post_process at {self._url!r} did not reply in {self._timeout_s} s") from error
        if reply.status_code != 200:
            raise self._meaning(reply)
        try:
            return Outcome.model_validate_json(reply.content)
        except ValidationError as error:
            raise BadAnswer(f"post_process at {self._url!r} answered what is no Outcome") from error

    def _authorization(self) -> dict[str, str]:
        if self._url.startswith("http://"):
            return {}
        try:
            token = id_token.fetch_id_token(Request(), self._url)  # type: ignore[no-untyped-call]  # google-auth has no types here
        except auth_errors.DefaultCredentialsError as error:
            raise Misconfigured(f"post_process at {self._url!r} wants an ID token: {error}") from error
        except auth_errors.GoogleAuthError as error:
            raise Unavailable(f"No ID token for post_process at {self._url!r}: {error}") from error
        return {"Authorization": f"Bearer {token}"}

    def _meaning(self, reply: requests.Response) -> IncidentCopilotError:
        said = f"post_process at {self._url!r} answered {reply.status_code}: {reply.text[:300]}"
        if reply.status_code == 429:
            return Throttled(said)
        return Refused(said) if reply.status_code < 500 else Unavailable(said)


def connect() -> PostProcessClient:
    """Return the function that the settings name, the same one each time. Raises Misconfigured."""
    return _post_process(PostProcessSettings.from_env())


@functools.cache
def _post_process(settings: PostProcessSettings) -> PostProcessClient:
    return PostProcessClient(settings)
