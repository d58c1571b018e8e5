"""One HTTP exchange, limited in time and size, with the errors that Workflows documents."""

from __future__ import annotations

from dataclasses import dataclass

import requests
from urllib3.exceptions import LocationValueError, NewConnectionError

from infra.local.engine.language import limits
from infra.local.engine.language.errors import (
    WorkflowError,
    connection_error,
    connection_failed,
    resource_limit,
    timeout_error,
    value_error,
)
from infra.local.engine.language.values import Value, from_json
from infra.local.engine.stdlib.function import Host

_CHUNK_BYTES = 64 * 1024
_USER_AGENT = "local-workflows-engine"


@dataclass(frozen=True)
class HttpRequest:
    """A request ready to be sent."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes | None


@dataclass(frozen=True)
class _Reply:
    code: int
    headers: dict[str, Value]
    media_type: str
    charset: str
    content: bytes


def exchange(request: HttpRequest, host: Host, timeout_s: float) -> Value:
    """
    Return the reply as a map of `body`, `code` and `headers`.

    Raises WorkflowError: HttpError for status 400 and above, TimeoutError, ConnectionError, ConnectionFailedError,
    ResourceLimitError for more than 2 MB; ExecutionCancelled.
    """
    reply = host.wait_for(lambda: _send(request, timeout_s), timeout_s)
    answer: dict[str, Value] = {"body": _body(reply), "code": reply.code, "headers": reply.headers}
    if reply.code >= 400:
        message = f"HTTP server responded with error code {reply.code}"
        raise WorkflowError({**answer, "message": message, "tags": ["HttpError"]})
    return answer


def _send(request: HttpRequest, timeout_s: float) -> _Reply:
    try:
        with requests.Session() as session:
            # Neither a proxy nor ~/.netrc may change the workflow's request.
            session.trust_env = False
            return _receive(session, request, timeout_s)
    except (UnicodeError, LocationValueError) as error:
        raise value_error(f"{request.method} {request.url!r} cannot be sent: {error}") from error
    except requests.Timeout as error:
        raise timeout_error(f"{request.method} {request.url} timed out") from error
    except requests.ConnectionError as error:
        raise _lost_connection(error, request) from error
    except requests.RequestException as error:
        if isinstance(error, ValueError):
            raise value_error(f"{request.url!r} cannot be requested: {error}") from error
        raise connection_error(f"{request.method} {request.url}: {error}") from error


def _receive(session: requests.Session, request: HttpRequest, timeout_s: float) -> _Reply:
    headers = {"User-Agent": _USER_AGENT, **request.headers}
    with session.request(
        request.method, request.url, headers=headers, data=request.content, timeout=timeout_s, stream=True
    ) as response:
        content = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            content += chunk
            if len(content) > limits.RESPONSE_BYTES:
                raise resource_limit(f"the response of {request.url} is larger than {limits.RESPONSE_BYTES} bytes")
        media_type, charset = _content_type(response.headers.get("Content-Type", ""))
        names: dict[str, Value] = {_canonical(name): value for name, value in response.headers.items()}
        return _Reply(response.status_code, names, media_type, charset, bytes(content))


def _lost_connection(error: requests.ConnectionError, request: HttpRequest) -> WorkflowError:
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    message = f"{request.method} {request.url}"
    if isinstance(reason, NewConnectionError):
        return connection_failed(f"{message}: no connection")
    return connection_error(f"{message}: the connection broke")


def _canonical(name: str) -> str:
    """Return a header name in the form `X-Probe`."""
    return "-".join(part.capitalize() for part in name.split("-"))


def _content_type(header: str) -> tuple[str, str]:
    media_type, _, parameters = header.partition(";")
    charset = "utf-8"
    for parameter in parameters.split(";"):
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "charset":
            charset = value.strip().strip('"')
    return media_type.strip().lower(), charset


def _body(reply: _Reply) -> Value:
    """Decode JSON to its value and text to a string; other bodies stay bytes, an empty one is null."""
    if not reply.content:
        return None
    if reply.media_type == "application/json" or reply.media_type.endswith("+json"):
        try:
            return from_json(reply.content)
        except ValueError:
            # An error page may claim to be JSON: the workflow can still read it as text.
            return _text(reply)
    is_text = reply.media_type.startswith("text/") or reply.media_type in {"application/xml", "application/javascript"}
    return _text(reply) if is_text else reply.content


def _text(reply: _Reply) -> Value:
    try:
        return reply.content.decode(reply.charset)
    except (UnicodeDecodeError, LookupError):
        return reply.content
