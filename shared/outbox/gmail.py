"""Mail by the Gmail API, as the user who granted the refresh token.

Source: https://developers.google.com/workspace/gmail/api/reference/rest/v1/users.messages/send
"""

import base64
import re
import time
from collections.abc import Mapping
from email.charset import QP, Charset
from email.header import Header
from email.headerregistry import Address
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from typing import Any

import httplib2
import requests
from google.auth.exceptions import RefreshError, TransportError
from google.auth.transport import Response
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials
from googleapiclient import discovery
from googleapiclient.errors import HttpError
from pydantic import Field, SecretStr

from shared import json_text
from shared.bounds import clip, storable
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable, Uncertain
from shared.http.retries import Sleep, with_retries
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status, retry_after_s
from shared.outbox.port import Mail, MailSent
from shared.redaction import redact
from shared.settings import Settings
from shared.text.harmless import defanged

RENEW = (
    "Gmail's refresh token has expired or was revoked (invalid_grant). Renew it: open "
    "https://developers.google.com/oauthplayground, choose `Use your own OAuth credentials` with GMAIL_CLIENT_ID and "
    "GMAIL_CLIENT_SECRET, authorise https://www.googleapis.com/auth/gmail.send as GMAIL_USER_EMAIL, exchange the code, "
    "and store the new refresh token as GMAIL_REFRESH_TOKEN. Tokens of an app in `Testing` live seven days: publish it"
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_PLAIN_HEADER_CHARS = 900
"""A line of a mail may have 998: https://www.rfc-editor.org/rfc/rfc5322#section-2.1.1"""
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP
_RATE_WORDS = ("rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded")


class GmailSettings(Settings):
    """The OAuth client, the grant, and where the API and its tokens live."""

    gmail_client_id: str = Field(description="OAuth client that was granted the mailbox.")
    gmail_client_secret: SecretStr = Field(description="The client's secret.")
    gmail_refresh_token: SecretStr = Field(description="The grant, scope gmail.send.")
    gmail_user_email: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="The mailbox that sends.")
    gmail_api_url: str = Field("https://gmail.googleapis.com", pattern=r"^https?://", description="Root of the API.")
    gmail_token_url: str = Field(
        "https://oauth2.googleapis.com/token", pattern=r"^https?://", description="Where tokens are refreshed."
    )
    gmail_timeout_s: float = Field(30, gt=0, le=300, description="Budget of one mail, retries included, in seconds.")


class Gmail:
    """Sends mail as one Gmail user; `sleep` is the pause between tries."""

    def __init__(self, settings: GmailSettings, sleep: Sleep = time.sleep) -> None:
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
        return "Gmail takes the grant of GMAIL_REFRESH_TOKEN"

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
        """Exchange the refresh token; any failure here promises that no mail was sent."""
        config = self._settings
        credentials = Credentials(  # type: ignore[no-untyped-call]  # google-auth's own constructor has no types
            token=None,
            refresh_token=config.gmail_refresh_token.get_secret_value(),
            token_uri=config.gmail_token_url,
            client_id=config.gmail_client_id,
            client_secret=config.gmail_client_secret.get_secret_value(),
        )
        try:
            credentials.refresh(_TokenRequest(session, timeout_s))  # type: ignore[no-untyped-call]  # nor its methods
        except TransportError as error:
            raise Unavailable(f"Gmail's token service at {config.gmail_token_url!r} cannot be reached") from error
        except RefreshError as error:
            raise _refused(error) from error
        return str(credentials.token)


def compose(mail: Mail, sender: str) -> bytes:
    """
    Return the mail as RFC 822 bytes: related(alternative(text, html), images); headers cannot be injected.

    No text makes it fail: headers are encoded here, because the library's own policy reads them first and stumbles over
    what only looks like an encoded word (RFC 2047). Raises Refused when an address is invalid.
    """
    body = MIMEMultipart("alternative")
    body.attach(_part(redact(mail.text), "plain"))
    body.attach(_part(redact(mail.html), "html"))
    message = _with_images(body, mail) if mail.images else body
    try:
        message["From"] = str(Address("Incident CoPilot", addr_spec=sender))
        message["To"] = ", ".join(str(Address(addr_spec=address)) for address in mail.to)
    except ValueError as error:
        raise Refused(f"The mail has an invalid address: {error}") from error
    message["Subject"] = _header(defanged(redact(mail.subject)))
    message["Message-ID"] = _header(mail.message_id)
    if mail.in_reply_to:
        # RFC 5322, 3.6.4: mail programs show it in the thread of the other.
        message["In-Reply-To"] = message["References"] = _header(mail.in_reply_to)
    # RFC 3834: automatic responders must not answer this mail or raise an alert from it.
    message["Auto-Submitted"] = "auto-generated"
    return message.as_bytes(policy=compat32.clone(linesep="\r\n"))


def _part(text: str, kind: str) -> MIMEText:
    return MIMEText(storable(text), kind, _UTF8)  # type: ignore[arg-type]  # a Charset is allowed, says its documentation


def _with_images(body: MIMEMultipart, mail: Mail) -> MIMEMultipart:
    message = MIMEMultipart("related", type="multipart/alternative")  # RFC 2387, 3.1: the root part's type
    message.attach(body)
    for image in mail.images:
        part = MIMEImage(image.png, "png")
        part["Content-ID"] = f"<{_one_line(image.content_id)}>"
        part.add_header("Content-Disposition", "inline", filename=f"{_one_line(image.content_id)}.png")
        message.attach(part)
    return message


def _header(text: str) -> str:
    """Return a header's value in ASCII: as it is, or as encoded words."""
    line = _one_line(storable(text))
    is_plain = line.isascii() and "=?" not in line and len(line) <= _PLAIN_HEADER_CHARS
    return line if is_plain else Header(line, "utf-8", header_name="Subject").encode()


def _one_line(text: str) -> str:
    return _CONTROL.sub(" ", text).strip()


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


def _refused(error: RefreshError) -> Refused:
    answer = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    code = str(answer.get("error", "no error code"))
    if code == "invalid_grant":
        return Refused(RENEW)
    return Refused(f"Gmail's token service refused ({code}): check GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET")


def _error(error: HttpError) -> IncidentCopilotError:
    status = int(error.resp.status)
    message = f"Gmail answered {status}: {clip(_one_line(str(error.reason)), 300)}"
    retry_after = error.resp.get("retry-after")
    if status == 403 and any(word in str(error.error_details) for word in _RATE_WORDS):
        return Throttled(message, retry_after_s(retry_after))
    if status in (401, 403):
        message += ". The grant needs the scope https://www.googleapis.com/auth/gmail.send"
    if status in (408, 499, 504):
        return Uncertain(f"{message}; it may have been sent")
    return error_from_status(status, message, retry_after=retry_after)
