"""One POST to the system behind a hook, and what every payload loses before it leaves."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from shared import json_text
from shared.bounds import clip
from shared.errors import IncidentCopilotError, Misconfigured, Unavailable, Uncertain
from shared.http.sent import was_not_sent
from shared.http.status import error_from_status
from shared.redaction import redact, redact_json
from shared.text.harmless import defanged, one_line, visible

Payload = dict[str, Any]
OWN_LINKS = ("pr_url", "approval_url", "brief_url", "change_url")
"""What links in a payload: our own pages, and the pull request, whose address was checked."""
TIMEOUT = "Whole budget of each hook with its retries, in seconds."
"""What POST_PROCESS_TIMEOUT_S means for each of them."""
MAX_ANSWER_BYTES = 65_536
_REASON_CHARS = 200


class GatewayFailed(Uncertain):
    """A gateway gave up (502, 504): a receiver that recognises a repeat by its key may be called again."""


@dataclass(frozen=True)
class Answer:
    """What a receiver answered: the start of its body at most, and nothing of one that broke off."""

    status: int
    body: bytes = b""
    retry_after: str | None = None

    def json(self) -> Payload:
        """Return the body as a JSON object; an empty one when it is none."""
        try:
            value = json_text.parsed(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout_s: float, subject: str, max_bytes: int = 0
) -> Answer:
    """
    Post JSON and return the answer, whatever its status, with at most `max_bytes` of its body.

    Redirects are not followed. Errors begin with `subject`, and never show the URL, which may hold a token.
    Raises Unavailable (never sent), Uncertain (sent, no reply).
    """
    headers = {"Content-Type": "application/json", "User-Agent": "incident-copilot", **headers}
    deadline = time.monotonic() + timeout_s
    try:
        with requests.post(
            url, data=body, headers=headers, timeout=timeout_s, allow_redirects=False, stream=True
        ) as reply:
            start = start_of(reply, max_bytes, deadline)
            return Answer(reply.status_code, start, reply.headers.get("Retry-After"))
    except requests.RequestException as error:
        # `from None`: requests names the whole URL in its messages.
        if was_not_sent(error):
            raise Unavailable(f"{subject} cannot be reached ({type(error).__name__})") from None
        raise Uncertain(f"{subject} did not reply ({type(error).__name__})") from None


def start_of(reply: requests.Response, max_bytes: int, deadline: float) -> bytes:
    """Return what of a body has come by the deadline (`time.monotonic`), at most `max_bytes`; empty if it breaks."""
    content = b""
    try:
        while len(content) < max_bytes and time.monotonic() < deadline:
            chunk = reply.raw.read1(max_bytes - len(content), decode_content=True)
            if not chunk:
                break
            content += chunk
    except (HTTPError, OSError):
        return b""
    return content


def error_of(answer: Answer, subject: str, reason: str = "") -> IncidentCopilotError:
    """Return the error for an answer of 300 or more; `reason` is the receiver's own word for it."""
    status = answer.status
    message = f"{subject} answered {status}" + ("; redirects are not followed" if status < 400 else "")
    if reason:
        message += f": {quoted_reason(reason)}"
    # 503 says that the receiver did nothing; any other failure may come after it acted.
    on_failure = {503: Unavailable, 502: GatewayFailed, 504: GatewayFailed}.get(status, Uncertain)
    return error_from_status(status, message, retry_after=answer.retry_after, on_failure=on_failure)


def quoted_reason(reason: str) -> str:
    """Return a receiver's words as an error may quote them: one short line without secrets."""
    return clip(defanged(one_line(redact(reason))), _REASON_CHARS)


def fit_to_send(payload: Payload) -> Payload:
    """Return the payload without secrets, and with texts that nothing acts on."""
    return inert_payload(without_secrets(payload))


def inert_payload(payload: Payload) -> Payload:
    """
    Return a payload whose texts are visible, and in which only our own links are links.

    The incident stays as it was read, for machines; only its hidden marks are written as their codes.
    """
    own = ("incident", "since", *OWN_LINKS)
    return {name: _rewritten(value, visible if name in own else _inert) for name, value in payload.items()}


def without_secrets(payload: Payload) -> Payload:
    """Return the payload with its texts redacted, and fields by their names."""
    return {name: redact_json(value) for name, value in payload.items()}


def check_address(url: str, variable: str) -> str:
    """Return the host of a hook's address. Raises Misconfigured unless it is https, or http on loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise Misconfigured(f"{variable} is no URL") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise Misconfigured(f"{variable} must be an https URL; http is for loopback only")
    return host


def _inert(text: str) -> str:
    return defanged(visible(text))


def _rewritten(value: Any, write: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return write(value)
    if isinstance(value, Mapping):
        return {write(str(name)): _rewritten(each, write) for name, each in value.items()}
    return [_rewritten(each, write) for each in value] if isinstance(value, list | tuple) else value


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, without looking its name up."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
