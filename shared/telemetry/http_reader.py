"""What Loki and Prometheus share: label matchers, and reading JSON over HTTP within a time budget."""

import json
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Annotated
from urllib.parse import urlsplit

import requests
from pydantic import AfterValidator, Field, SecretStr
from requests.auth import HTTPBasicAuth

from shared import clock, log
from shared.errors import Refused, Rejected, Throttled, Unavailable

_LABEL = r"^[a-zA-Z_][a-zA-Z0-9_]*$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRANSIENT_STATUSES = (502, 503, 504)
_CHUNK_BYTES = 65_536
_QUOTED_CHARS = 300


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
Label = Annotated[str, Field(pattern=_LABEL)]


def quoted(value: str) -> str:
    """
    Return `value` as a string literal for LogQL and PromQL; both use Go's escapes.

    Whatever `value` holds, it stays inside the quotes: JSON's escapes are a subset of Go's.
    Raises Rejected when it is not valid Unicode.
    Source: https://go.dev/ref/spec#String_literals
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Rejected(f"The value {value!r} is not valid Unicode, so no query can contain it") from None
    return json.dumps(value, ensure_ascii=False)


def matcher(label: str, value: str) -> str:
    """
    Return `label="value"`, with the value escaped.

    Raises Rejected when `label` is not a valid name, or `value` is empty: that would match other services' series.
    """
    if not re.fullmatch(_LABEL, label):
        raise Rejected(f"{label!r} is not a label name")
    if not value:
        raise Rejected(f"The value of the label {label!r} is empty")
    return f"{label}={quoted(value)}"


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
        pauses_s: tuple[float, ...] = (0.1, 0.4),
    ) -> None:
        self._service = service
        self._host = host
        self._timeout_s = timeout_s
        self._pauses_s = pauses_s
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", **(headers or {})})
        if basicauth is not None:
            user, _, password = basicauth.get_secret_value().partition(":")
            # As bytes, because requests encodes text as Latin-1 and fails on other characters.
            self._session.auth = HTTPBasicAuth(user.encode(), password.encode())

    def get(self, path: str, params: Mapping[str, str | int], request: str) -> object:
        """
        Return the JSON at `path`; all tries together take at most the timeout. Errors quote `request`.

        Raises Unavailable (no answer in time, 5xx, broken JSON), Throttled (429), Refused (redirect, 401, 403, 404,
        a page instead of JSON), Rejected (any other 4xx).
        """
        started, tries = time.monotonic(), 0
        while True:
            tries += 1
            try:
                reply, body = self._send(path, params, request, started + self._timeout_s)
            except requests.Timeout as error:
                raise Unavailable(f"{self._subject(request)} did not answer in {self._timeout_s:g} s") from error
            except requests.RequestException as error:
                if self._pause(tries, started):
                    continue
                raise Unavailable(f"{self._subject(request)} failed ({_reason(error)}), try {tries}") from error
            if reply.status_code in _TRANSIENT_STATUSES and self._pause(tries, started):
                continue
            self._note(path, reply, len(body), tries, started)
            return self._read(reply, body, request)

    def _pause(self, tries: int, started: float) -> bool:
        """Wait before the next try and return True; return False when tries or time are used up."""
        if tries > len(self._pauses_s):
            return False
        pause_s = self._pauses_s[tries - 1]
        if time.monotonic() + pause_s >= started + self._timeout_s:
            return False
        time.sleep(pause_s)
        return True

    def _send(
        self, path: str, params: Mapping[str, str | int], request: str, deadline: float
    ) -> tuple[requests.Response, bytes]:
        """Send once; the timeout of `requests` only limits each wait, so the deadline is checked after each chunk."""
        left_s = max(deadline - time.monotonic(), 0.001)
        with self._session.get(
            self._host + path, params=dict(params), timeout=left_s, stream=True, allow_redirects=False
        ) as reply:
            chunks = []
            for chunk in reply.iter_content(_CHUNK_BYTES):
                chunks.append(chunk)
                if time.monotonic() > deadline:
                    raise requests.Timeout(f"the answer to {request} was still arriving")
            return reply, b"".join(chunks)

    def _read(self, reply: requests.Response, body: bytes, request: str) -> object:
        """Return the JSON of a 200; turn any other status into an error of `shared.errors`."""
        if reply.status_code != 200:
            raise self._error(reply, body, request)
        try:
            answer = json.loads(body)
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

    def _error(self, reply: requests.Response, body: bytes, request: str) -> Exception:
        status = reply.status_code
        message = f"{self._subject(request)} answered {status}: {_excerpt(_explanation(body))!r}"
        if status == 429:
            return Throttled(message, _retry_after_s(reply.headers.get("Retry-After", "")))
        if status < 400:
            target = urlsplit(reply.headers.get("Location", ""))
            return Refused(f"{message}; it redirects to {target.scheme}://{target.hostname}{target.path}")
        if status in (401, 403, 404, 405, 407):
            return Refused(message)
        # 408 and 499: the service gave up waiting; the request itself may be fine.
        return Unavailable(message) if status >= 500 or status in (408, 499) else Rejected(message)

    def _subject(self, request: str) -> str:
        return f"{self._service} at {self._host!r}, asked {request},"

    def _note(self, path: str, reply: requests.Response, size_bytes: int, tries: int, started: float) -> None:
        duration_ms = round((time.monotonic() - started) * 1000)
        facts = {"status": reply.status_code, "size_bytes": size_bytes, "tries": tries, "duration_ms": duration_ms}
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
        wrapped = json.loads(body)
    except ValueError:
        return body
    text = (wrapped.get("error") or wrapped.get("message")) if isinstance(wrapped, dict) else None
    return text.encode() if isinstance(text, str) else body


def _excerpt(body: bytes) -> str:
    return " ".join(body.decode(errors="replace").split())[:_QUOTED_CHARS]


def _retry_after_s(header: str) -> float | None:
    """Read both forms of Retry-After: seconds, and a date."""
    if header.strip().isdigit():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    # "-0000" gives a naive time, which the format says is UTC.
    return max(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - clock.now()).total_seconds(), 0.0)
