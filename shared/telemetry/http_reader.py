"""What Loki and Prometheus share: label matchers, and reading JSON over HTTP within budgets of time and bytes."""

import re
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator, Field, SecretStr
from requests.auth import HTTPBasicAuth

from shared import clock, json_text, log
from shared.bounds import clip
from shared.errors import IncidentCopilotError, Refused, Rejected, Unavailable
from shared.http.retries import FIRST_PAUSE_S, with_retries
from shared.http.status import error_from_status
from shared.text.literals import quoted

LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK_BYTES = 65_536
_QUOTED_CHARS = 300
# Enough to quote an error, whatever page comes with it.
_ERROR_BYTES = 65_536


class TooLarge(Rejected):
    """An answer exceeds its bound; `part` is what was read of it, to estimate how much less to ask for."""

    def __init__(self, message: str, part: bytes) -> None:
        super().__init__(message)
        self.part = part


class NotFound(Refused):
    """The host answered 404: there is no such API."""


class ByteBudget:
    """How many bytes of answers may still be read for one question; shared by the threads that read them."""

    def __init__(self, left: int) -> None:
        self._left = left
        self._lock = threading.Lock()

    @property
    def left(self) -> int:
        """Bytes that may still be read, never negative."""
        return max(self._left, 0)

    def spend(self, count: int) -> None:
        """Subtract the bytes of an answer."""
        with self._lock:
            self._left -= count


def _check_host(host: str) -> str:
    """Check that the host is a base URL without credentials, because error messages show it."""
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a base URL, for example https://logs.example.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("write the base URL alone; credentials have their own variable")
    return host.rstrip("/")


def _check_basicauth(pair: SecretStr) -> SecretStr:
    if ":" not in pair.get_secret_value():
        raise ValueError("write user:password")
    return pair


Host = Annotated[str, AfterValidator(_check_host)]
BasicAuth = Annotated[SecretStr, AfterValidator(_check_basicauth)]
Label = Annotated[str, Field(pattern=LABEL)]


def matcher(label: str, value: str) -> str:
    """
    Return `label="value"`, with the value escaped.

    Raises Rejected when `label` is not a valid name, or `value` is empty: that would match other services' series.
    """
    if not re.fullmatch(LABEL, label):
        raise Rejected(f"{label!r} is not a label name")
    if not value:
        raise Rejected(f"The value of the label {label!r} is empty")
    return f"{label}={quoted(value)}"


def any_matcher(label: str, values: Collection[str]) -> str:
    """Return `label=~"a|b"` for several values, escaped; raises Rejected as `matcher` does, and without a value."""
    for value in values or ("",):
        matcher(label, value)
    # Prometheus and Loki anchor regular expressions; a value's own characters stay what they are.
    return f"{label}=~{quoted('|'.join(re.escape(value) for value in values))}"


def selector(label: str, value: str) -> str:
    """Return `{label="value"}`, with the value escaped; raises Rejected as `matcher` does."""
    return "{" + matcher(label, value) + "}"


def epoch_us(moment: datetime) -> int:
    """Return the whole microseconds since 1970; floats would lose the last digits."""
    return (clock.to_utc(moment) - _EPOCH) // timedelta(microseconds=1)


class Reader:
    """Reads JSON from one HTTP API; reads are safe to repeat, so a transient failure is retried twice."""

    def __init__(
        self,
        service: str,
        host: str,
        timeout_s: float,
        basicauth: SecretStr | None = None,
        headers: Mapping[str, str] | None = None,
        first_pause_s: float = FIRST_PAUSE_S,
        *,
        max_bytes: int,
    ) -> None:
        """`max_bytes` bounds the body of each answer, decompressed."""
        self._max_bytes = max_bytes
        self._service = service
        self._host = host
        self._timeout_s = timeout_s
        self._first_pause_s = first_pause_s
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", **(headers or {})})
        if basicauth is not None:
            user, _, password = basicauth.get_secret_value().partition(":")
            # As bytes, because requests encodes text as Latin-1 and fails on other characters.
            self._session.auth = HTTPBasicAuth(user.encode(), password.encode())

    def get(
        self, path: str, params: Mapping[str, str | int | Sequence[str]], request: str, budget: ByteBudget
    ) -> object:
        """
        Return the JSON at `path`; all tries together take at most the timeout. Errors quote `request`.

        The answer's bytes are taken from `budget`. Raises Unavailable (no answer in time, 5xx, broken JSON), Throttled
        (429), NotFound (404), Refused (redirect, 401, 403, a page instead of JSON), TooLarge (larger than the bound of
        an answer or than what is left of the budget), Rejected (any other 4xx).
        """
        return with_retries(
            lambda left_s: self._get_once(path, params, request, budget, left_s),
            self._timeout_s,
            again=lambda error: isinstance(error, Unavailable),
            first_pause_s=self._first_pause_s,
        )

    def _get_once(
        self,
        path: str,
        params: Mapping[str, str | int | Sequence[str]],
        request: str,
        budget: ByteBudget,
        left_s: float,
    ) -> object:
        started = time.monotonic()
        max_bytes = min(self._max_bytes, budget.left)
        try:
            reply, body = self._send(path, params, request, max_bytes, started + left_s)
        except requests.Timeout as error:
            raise Unavailable(f"{self._subject(request)} did not answer in {self._timeout_s:g} s") from error
        except requests.RequestException as error:
            raise Unavailable(f"{self._subject(request)} failed ({_reason(error)})") from error
        self._note(path, reply, len(body), started)
        if reply.status_code == 200:
            if len(body) > max_bytes:
                raise TooLarge(f"{self._subject(request)} answered with more than {max_bytes:,} bytes", body)
            budget.spend(len(body))
        return self._read(reply, body, request)

    def _send(
        self, path: str, params: Mapping[str, str | int | Sequence[str]], request: str, max_bytes: int, deadline: float
    ) -> tuple[requests.Response, bytes]:
        """
        Send once; stop reading a body that exceeds its bound.

        The timeout of `requests` only limits each wait, so the deadline is checked after each chunk.
        """
        left_s = max(deadline - time.monotonic(), 0.001)
        with self._session.get(
            self._host + path, params=dict(params), timeout=left_s, stream=True, allow_redirects=False
        ) as reply:
            body = bytearray()
            bound = max_bytes if reply.status_code == 200 else _ERROR_BYTES
            for chunk in reply.iter_content(_CHUNK_BYTES):
                body += chunk
                if len(body) > bound:
                    break
                if time.monotonic() > deadline:
                    raise requests.Timeout(f"the answer to {request} was still arriving")
            return reply, bytes(body)

    def _read(self, reply: requests.Response, body: bytes, request: str) -> object:
        """Return the JSON of a 200; turn any other status into an error of `shared.errors`."""
        if reply.status_code != 200:
            raise self._error(reply, body, request)
        try:
            answer = json_text.parsed(body)
        except ValueError:
            subject, kind = self._subject(request), reply.headers.get("Content-Type", "")
            if "html" in kind:
                raise Refused(
                    f"{subject} answered with a page ({kind}) instead of JSON: it is not {self._service}"
                ) from None
            raise Unavailable(f"{subject} answered with broken JSON: {_excerpt(body)!r}") from None
        if isinstance(answer, dict) and answer.get("status") == "error":
            raise Rejected(f"{self._subject(request)} answered with an error: {_excerpt(_explanation(body))!r}")
        return answer

    def _error(self, reply: requests.Response, body: bytes, request: str) -> IncidentCopilotError:
        status = reply.status_code
        message = f"{self._subject(request)} answered {status}: {_excerpt(_explanation(body))!r}"
        if status < 400:
            target = urlsplit(reply.headers.get("Location", ""))
            message += f"; it redirects to {target.scheme}://{target.hostname}{target.path}"
        if status == 404:
            return NotFound(message)
        return error_from_status(status, message, retry_after=reply.headers.get("Retry-After"), on_rejection=Rejected)

    def _subject(self, request: str) -> str:
        return f"{self._service} at {self._host!r}, asked {request},"

    def _note(self, path: str, reply: requests.Response, size_bytes: int, started: float) -> None:
        duration_ms = round((time.monotonic() - started) * 1000)
        facts = {"status": reply.status_code, "size_bytes": size_bytes, "duration_ms": duration_ms}
        log.debug("telemetry.queried", service=self._service, path=path, **facts)


def _reason(error: requests.RequestException) -> str:
    """Name the failure without the long URL that `requests` repeats."""
    return (
        "the body was truncated"
        if isinstance(error, requests.exceptions.ChunkedEncodingError)
        else type(error).__name__
    )


def _explanation(body: bytes) -> bytes:
    """Return the error text: Prometheus and gateways wrap it in JSON, Loki sends plain text."""
    try:
        wrapped = json_text.parsed(body)
    except ValueError:
        return body
    text = (wrapped.get("error") or wrapped.get("message")) if isinstance(wrapped, dict) else None
    return text.encode() if isinstance(text, str) else body


def _excerpt(body: bytes) -> str:
    return clip(" ".join(body.decode(errors="replace").split()), _QUOTED_CHARS)
