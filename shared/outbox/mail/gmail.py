"""Mail by the Gmail API, as the user who granted the refresh token, or another way of signing in.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
"""

import base64
import time
from abc import abstractmethod
from collections.abc import Mapping
from datetime import date
from typing import Any

import httplib2
import requests
from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport import Response
from google.auth.transport.requests import Request
from google.oauth2 import credentials as oauth2
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from pydantic import Field, SecretStr

from shared import json_text
from shared.bounds import clip
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable, Uncertain
from shared.http.retries import Sleep, with_retries
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status, retry_after_s
from shared.outbox.mail.compose import compose, single_line
from shared.outbox.port import Mail, MailSent
from shared.settings import Settings

RENEW = (
    "has expired or was revoked (invalid_grant). Renew it: `make gmail-grant`, with PROJECT_ID=… "
    "for a deployed system, stores a new GMAIL_REFRESH_TOKEN. Those of an app in `Testing` live seven days: publish it"
)
_RATE_WORDS = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded")


SCOPE = "https://www.googleapis.com/auth/gmail.send"


class MailboxSettings(Settings):
    """Who sends, and where the API and its tokens live."""

    gmail_user_email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="The mailbox that sends.")
    gmail_api_url: str = Field("https://gmail.googleapis.com", pattern=r"^https?://", description="Root of the API.")
    gmail_token_url: str = Field(
        "https://oauth2.googleapis.com/token", pattern=r"^https?://", description="Where tokens are refreshed."
    )
    gmail_timeout_s: float = Field(30, gt=0, le=300, description="Budget of one mail, retries included, in seconds.")

    @property
    @abstractmethod
    def account(self) -> str:
        """What is signed in to, as a message names it."""

    @abstractmethod
    def credentials(self) -> Credentials:
        """Return google-auth's credentials, without a token yet. Raises Misconfigured."""

    @abstractmethod
    def refusal(self, error: RefreshError) -> Refused:
        """Return what a refused token means, and how to get one."""


class GmailSettings(MailboxSettings):
    """The OAuth client and the grant."""

    gmail_client_id: str = Field(description="OAuth client that was granted the mailbox.")
    gmail_client_secret: SecretStr = Field(description="The client's secret.")
    gmail_refresh_token: SecretStr = Field(description="The grant, scope gmail.send.")
    gmail_granted_at: date | None = Field(
        None,
        description="Day of the grant, as `make gmail-grant` writes it; named where it is checked or refused.",
    )

    @property
    def account(self) -> str:
        """What is signed in to, with the day of the grant, where that is known."""
        day = f" of {self.gmail_granted_at:%Y-%m-%d}" if self.gmail_granted_at else ""
        return f"the grant of GMAIL_REFRESH_TOKEN{day}"

    def credentials(self) -> Credentials:
        """Return google-auth's credentials, without a token yet."""
        return oauth2.Credentials(  # type: ignore[no-untyped-call]  # google-auth's own constructor has no types
            token=None,
            refresh_token=self.gmail_refresh_token.get_secret_value(),
            token_uri=self.gmail_token_url,
            client_id=self.gmail_client_id,
            client_secret=self.gmail_client_secret.get_secret_value(),
        )

    def refusal(self, error: RefreshError) -> Refused:
        """Return what a refused token means."""
        code = reason_of(error)
        if code == "invalid_grant":
            return Refused(f"{self.account} {RENEW}")
        return Refused(f"Gmail's token service refused ({code}): check GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET")


class Gmail:
    """Sends mail as one Gmail user; `sleep` is the pause between tries."""

    def __init__(self, settings: MailboxSettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def send(self, mail: Mail) -> MailSent:
        """
        Send one mail, its subject and texts without secrets; retry only while nothing was sent.

        Raises Refused (token revoked, 4xx), Throttled (429), Unavailable (5xx, no connection), Uncertain (no reply).
        """
        raw = base64.urlsafe_b64encode(compose(mail, self._settings.gmail_user_email)).decode()
        return with_retries(
            lambda left_s: self._send_once(raw, left_s), self._settings.gmail_timeout_s, sleep=self._sleep
        )

    def sign_in(self) -> str:
        """Exchange the refresh token once and send nothing. Raises Refused, Throttled, Unavailable."""
        with requests.Session() as session:
            self._access_token(session, self._settings.gmail_timeout_s)
        return f"Gmail takes {self._settings.account}"

    def _send_once(self, raw: str, timeout_s: float) -> MailSent:
        with requests.Session() as session:
            session.auth = _Bearer(self._access_token(session, timeout_s))
            service = discovery.build(
                "gmail",
                "v1",
                http=_OnceOnly(session, timeout_s),
                static_discovery=True,
                client_options={"api_endpoint": self._settings.gmail_api_url.rstrip("/") + "/"},
            )
            call = service.users().messages().send(userId="me", body={"raw": raw})
            try:
                sent = call.execute(num_retries=0)
            except HttpError as error:
                raise _error(error) from error
            except requests.RequestException as error:
                if was_not_sent(error):
                    raise Unavailable(f"Gmail at {self._settings.gmail_api_url!r} cannot be reached") from error
                raise Uncertain("Gmail did not reply to the mail: it may have been sent") from error
        if not isinstance(sent, dict):
            raise Uncertain("Gmail's reply to the mail is not a JSON object: it may have been sent")
        return MailSent(str(sent.get("id", "")))

    def _access_token(self, session: requests.Session, timeout_s: float) -> str:
        """Get an access token; any failure here promises that no mail was sent."""
        config = self._settings
        credentials = config.credentials()
        try:
            credentials.refresh(_TokenRequest(session, timeout_s))  # type: ignore[no-untyped-call]  # google-auth has no types
        except TransportError as error:
            raise Unavailable(f"Gmail's token service at {config.gmail_token_url!r} cannot be reached") from error
        except RefreshError as error:
            raise config.refusal(error) from error
        return str(credentials.token)


class _TokenRequest:
    """google-auth's transport with a timeout; it does not wait by itself and sends no secrets along a redirect."""

    def __init__(self, session: requests.Session, timeout_s: float) -> None:
        self._request = Request(session)
        self._timeout_s = timeout_s

    def __call__(self, **call: Any) -> Response:
        """Make the call. Raises Throttled (429), Unavailable (5xx, a redirect, a 200 without a token)."""
        response: Response = self._request(**{**call, "timeout": self._timeout_s, "allow_redirects": False})
        message = f"Gmail's token service answered {response.status}; no mail was sent"
        if response.status == 429:
            raise Throttled(message)
        if response.status >= 500 or 300 <= response.status < 400:
            raise Unavailable(message)
        if response.status == 200 and not _holds_token(response.data):
            raise Unavailable(f"{message}: its answer has no access token")
        return response


def _holds_token(body: bytes) -> bool:
    try:
        answer = json_text.parsed(body)
    except ValueError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get("access_token"), str)


class _Bearer(requests.auth.AuthBase):
    """Sets the access token; as `auth`, because a matching line in ~/.netrc would replace a plain header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _OnceOnly:
    """
    The HTTP transport of googleapiclient, over requests.

    httplib2 posts again when the answer to the first post is lost (`Http._conn_request`), which would mail twice.
    """

    def __init__(self, session: requests.Session, timeout_s: float) -> None:
        self._session = session
        self._timeout_s = timeout_s

    def request(
        self, uri: str, method: str = "GET", body: str | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[httplib2.Response, bytes]:
        """Send one request and return httplib2's pair of response and content."""
        reply = self._session.request(
            method, uri, data=body, headers=dict(headers or {}), timeout=self._timeout_s, allow_redirects=False
        )
        head = {**reply.headers, "status": str(reply.status_code)}
        return httplib2.Response(head), reply.content  # type: ignore[no-untyped-call]  # httplib2 has no types

    def close(self) -> None:
        """Do nothing: the owner of the session closes it."""


def reason_of(error: RefreshError) -> str:
    """Return the token service's own code for a refusal."""
    answer = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    return str(answer.get("error", "no error code"))


def _error(error: HttpError) -> IncidentCopilotError:
    status = int(error.resp.status)
    message = f"Gmail answered {status}: {clip(single_line(str(error.reason)), 300)}"
    retry_after = error.resp.get("retry-after")
    if status == 403 and any(word in str(error.error_details) for word in _RATE_WORDS):
        return Throttled(message, retry_after_s(retry_after))
    if status in (401, 403):
        message += f". The grant needs the scope {SCOPE}"
    if status in (408, 499, 504):
        return Uncertain(f"{message}; it may have been sent")
    return error_from_status(status, message, retry_after=retry_after)
