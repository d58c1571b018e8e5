"""Mail by any SMTP server, with the standard library.

What a reply means follows RFC 5321, section 4.2.1: 4yz asks to come again, 5yz refuses, and only the reply to the whole
mail says whether it was taken. So until its first byte nothing was sent, and from there to that reply all is uncertain.
"""

import re
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared import log
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.http.retries import Sleep, with_retries
from shared.outbox.mail.compose import compose
from shared.outbox.port import Mail, MailSent
from shared.outbox.posting import is_loopback, quoted_reason
from shared.settings import Settings

_PORTS = {"starttls": 587, "tls": 465, "off": 25}
# The server is about to close the connection; it takes nothing any more.
_CLOSING = 421
_GO_AHEAD = 354
# RFC 5321, section 4.5.2: a line that is a dot ends the mail.
_DOT = re.compile(rb"^\.", re.MULTILINE)


class SmtpSettings(Settings):
    """The server, the account, and who sends."""

    smtp_host: str = Field(pattern=r"^[A-Za-z0-9.:-]+$", description="Mail server, for example smtp.example.com.")
    smtp_port: int | None = Field(
        None, ge=1, le=65_535, description="Its port; unset, 587 with SMTP_TLS=starttls, 465 with tls, 25 with off."
    )
    smtp_user: str | None = Field(None, description="Account of the mail server; unset, none is needed.")
    smtp_password: SecretStr | None = Field(None, description="Password of SMTP_USER, or a password for one app.")
    smtp_from: str = Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Address that sends.")
    smtp_tls: Literal["starttls", "tls", "off"] = Field(
        "starttls", description="starttls, tls (from the first byte), or off, which is for a server on loopback only."
    )
    smtp_timeout_s: float = Field(30, gt=0, le=300, description="Budget of one mail, retries included, in seconds.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.smtp_user is None) != (self.smtp_password is None):
            raise Misconfigured("SMTP_USER and SMTP_PASSWORD are needed together")
        if self.smtp_tls == "off" and not is_loopback(self.smtp_host):
            raise Misconfigured("SMTP_TLS=off is for a server on loopback only: SMTP_HOST is another")
        return self

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self.smtp_port or _PORTS[self.smtp_tls]


class Smtp:
    """Sends mail by one account; `sleep` is the pause between tries."""

    def __init__(self, settings: SmtpSettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def send(self, mail: Mail) -> MailSent:
        """
        Send one mail, its subject and texts without secrets; retry only while nothing was sent.

        Receivers that the server refuses are left out and logged, unless it refuses all. Raises Refused (credentials,
        5yz), Throttled (4yz), Unavailable (no connection), Uncertain (sent, no reply).
        """
        content = compose(mail, self._settings.smtp_from)
        return with_retries(
            lambda left_s: self._send_once(content, mail, left_s), self._settings.smtp_timeout_s, sleep=self._sleep
        )

    def sign_in(self) -> str:
        """Sign in once and send nothing. Raises Refused, Throttled, Unavailable."""
        with _Connection(self._settings, self._settings.smtp_timeout_s):
            pass
        return "the mail server of SMTP_HOST takes " + ("SMTP_USER" if self._settings.smtp_user else "mail")

    def _send_once(self, content: bytes, mail: Mail, timeout_s: float) -> MailSent:
        with _Connection(self._settings, timeout_s) as connection:
            connection.name_receivers(self._settings.smtp_from, mail.to)
            connection.deliver(content)
        # SMTP has no id of its own for a mail; ours is the one that both sides log.
        return MailSent(mail.message_id)


class _Connection:
    """One session, from the connection to QUIT; every wait ends at the deadline."""

    def __init__(self, settings: SmtpSettings, timeout_s: float) -> None:
        self._settings = settings
        self._deadline = time.monotonic() + timeout_s
        self._client: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        try:
            with self._nothing_sent():
                self._client = self._opened()
                self._sign_in()
        except IncidentCopilotError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # Without QUIT: whatever became of the mail is known by now, and a server that hangs must not undo it.
        if self._client is not None:
            self._client.close()

    def _sign_in(self) -> None:
        settings = self._settings
        if settings.smtp_tls == "starttls":
            self._timed().starttls(context=ssl.create_default_context())
        if settings.smtp_user is not None and settings.smtp_password is not None:
            self._timed().login(settings.smtp_user, settings.smtp_password.get_secret_value())

    def name_receivers(self, sender: str, receivers: tuple[str, ...]) -> None:
        """Name sender and receivers, and wait until the mail is asked for. Raises Refused, Throttled, Unavailable."""
        with self._nothing_sent():
            _check(self._timed().mail(sender), "the sender")
            refusals = [reply for each in receivers if (reply := self._timed().rcpt(each))[0] >= 400]
            if len(refusals) == len(receivers):
                # One that may be taken later is worth another try.
                raise _error(*min(refusals), "every receiver")
            if refusals:
                log.error("outbox.receivers_refused", refused=len(refusals), receivers=len(receivers))
            code, text = self._timed().docmd("DATA")
            if code != _GO_AHEAD:
                raise _error(code, text, "the mail")

    def deliver(self, content: bytes) -> None:
        """Send the content and read the reply. Raises Refused, Throttled, Unavailable (421), Uncertain (no reply)."""
        client = self._timed()
        try:
            client.send(_DOT.sub(b"..", content) + b"\r\n.\r\n")
            reply = self._timed().getreply()
        except (OSError, smtplib.SMTPException) as error:
            reason = type(error).__name__
            raise Uncertain(f"The mail server did not reply to the mail ({reason}): it may have been sent") from error
        _check(reply, "the mail")

    def _opened(self) -> smtplib.SMTP:
        settings = self._settings
        # Without a name of its own smtplib asks DNS for this machine's, which may take long.
        name = settings.smtp_from.rpartition("@")[2]
        host, port, left_s = settings.smtp_host, settings.port, self._left_s()
        if settings.smtp_tls == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=left_s, context=context)
        return smtplib.SMTP(host, port, local_hostname=name, timeout=left_s)

    def _timed(self) -> smtplib.SMTP:
        """Return the client, whose next wait ends at the deadline."""
        client = self._client
        if client is None or client.sock is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        client.sock.settimeout(self._left_s())
        return client

    def _left_s(self) -> float:
        # 0 would mean to wait for nothing at all.
        return max(self._deadline - time.monotonic(), 0.001)

    @contextmanager
    def _nothing_sent(self) -> Iterator[None]:
        """Turn the errors of everything before the content into ours: each promises that no mail was sent."""
        where = f"The mail server {self._settings.smtp_host!r}, port {self._settings.port},"
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            raise _error(error.smtp_code, error.smtp_error, "SMTP_USER and SMTP_PASSWORD") from None
        except smtplib.SMTPResponseException as error:
            raise _error(error.smtp_code, error.smtp_error, "the connection") from None
        except smtplib.SMTPNotSupportedError as error:
            raise Refused(f"{where} does not offer what is set: {error}; check SMTP_TLS and SMTP_PORT") from None
        except UnicodeEncodeError:
            raise Refused("SMTP_USER, SMTP_PASSWORD and addresses may hold ASCII characters only") from None
        except ssl.SSLError as error:
            raise Unavailable(f"{where} has no TLS that is trusted ({error.reason}); check SMTP_TLS") from error
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"{where} cannot be reached ({type(error).__name__})") from error


def _check(reply: tuple[int, bytes], what: str) -> None:
    code, text = reply
    if not 200 <= code < 300:
        raise _error(code, text, what)


def _error(code: int, text: bytes | str, what: str) -> IncidentCopilotError:
    """Return what a reply other than success means; its words are quoted without secrets."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    message = f"The mail server answered {code} about {what}: {quoted_reason(words)}"
    if code == _CLOSING or code < 400:
        return Unavailable(message)
    return Throttled(message) if code < 500 else Refused(message)
