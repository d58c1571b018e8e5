"""
Module `http`: send a workflow's request and return the response as a map.

Source: http.request of the standard library reference; "Make an HTTP request"; "Workflow errors".
"""

from __future__ import annotations

import base64
import json
from urllib.parse import urlencode, urlsplit

from infra.local.engine.language import limits
from infra.local.engine.language.errors import auth_error, type_error, value_error
from infra.local.engine.language.values import Value, to_json, type_name
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, Host, hosted
from infra.local.engine.stdlib.http_exchange import HttpRequest, exchange

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})


def request(
    host: Host,
    url: Value,
    method: Value,
    timeout: Value = None,
    body: Value = None,
    headers: Value = None,
    query: Value = None,
    auth: Value = None,
    private_service_name: Value = None,
    ca_certificate: Value = None,
) -> Value:
    """Send a request and return `body`, `code` and `headers`; raises the HTTP errors of "Workflow errors"."""
    del private_service_name, ca_certificate  # the local engine has no Service Directory and no private CA
    verb = arguments.text(method, "method").upper()
    if verb not in _METHODS:
        raise value_error(f"{verb!r} is not an HTTP method")
    timeout_s = limits.HTTP_TIMEOUT_S if timeout is None else arguments.number(timeout, "timeout")
    if not 0 < timeout_s <= limits.HTTP_MAX_TIMEOUT_S:
        raise value_error(f"timeout must be above 0 and at most {limits.HTTP_MAX_TIMEOUT_S:g} seconds")
    sent_headers = {**_authorization(auth, url), **_headers(headers)}
    content = _content(body, sent_headers)
    outgoing = HttpRequest(verb, _url(url, query), sent_headers, content)
    return exchange(outgoing, host, float(timeout_s))


def _shortcut(method: str) -> Function:
    def send(
        host: Host,
        url: Value,
        timeout: Value = None,
        body: Value = None,
        headers: Value = None,
        query: Value = None,
        auth: Value = None,
        private_service_name: Value = None,
        ca_certificate: Value = None,
    ) -> Value:
        return request(host, url, method, timeout, body, headers, query, auth, private_service_name, ca_certificate)

    return hosted(f"http.{method.lower()}", send)


def _url(url: Value, query: Value) -> str:
    text = arguments.text(url, "url")
    if not _is_web_address(text):
        raise value_error(f"{text!r} is not an http or https URL")
    pairs = [pair for key, value in _map_or_empty(query, "query").items() for pair in _query_pairs(key, value)]
    if not pairs:
        return text
    before, mark, fragment = text.partition("#")
    return before + ("&" if "?" in before else "?") + urlencode(pairs) + mark + fragment


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _query_pairs(key: str, value: Value) -> list[tuple[str, str]]:
    if isinstance(value, list):
        return [pair for item in value for pair in _query_pairs(key, item)]
    if not isinstance(value, (str, int, float)):
        raise type_error(f"query {key!r} must be a string, number, boolean or a list of those, not {type_name(value)}")
    return [(key, value if isinstance(value, str) else to_json(value))]


def _headers(headers: Value) -> dict[str, str]:
    return {key: arguments.text(value, f"header {key!r}") for key, value in _map_or_empty(headers, "headers").items()}


def _map_or_empty(value: Value, name: str) -> dict[str, Value]:
    return {} if value is None else arguments.mapping(value, name)


def _content(body: Value, headers: dict[str, str]) -> bytes | None:
    """Encode a body by its Content-Type; set the header if the workflow did not."""
    if body is None:
        return None
    content_type = next((value for key, value in headers.items() if key.lower() == "content-type"), None)
    if content_type is None:
        headers["Content-Type"] = _content_type(body)
    media_type = (content_type or headers["Content-Type"]).partition(";")[0].strip().lower()
    if isinstance(body, bytes):
        return body
    if media_type == "application/x-www-form-urlencoded" and isinstance(body, dict):
        return urlencode([pair for key, value in body.items() for pair in _query_pairs(key, value)]).encode()
    if isinstance(body, str) and content_type is not None:
        return body.encode("utf-8")
    try:
        return to_json(body).encode("utf-8")
    except ValueError as error:
        raise value_error(f"body: {error}") from error


def _content_type(body: Value) -> str:
    return "application/octet-stream" if isinstance(body, bytes) else "application/json; charset=utf-8"


def _authorization(auth: Value, url: Value) -> dict[str, str]:
    """Return a header with an unsigned token for the audience; only usable on loopback."""
    if auth is None:
        return {}
    options = arguments.mapping(auth, "auth")
    kind = options.get("type")
    if kind not in {"OIDC", "OAuth2"}:
        raise auth_error(f"auth.type must be 'OIDC' or 'OAuth2', found {kind!r}")
    audience = arguments.text(options.get("audience", url), "auth.audience")
    return {"Authorization": f"Bearer {_development_token(kind, audience)}"}


def _development_token(kind: str, audience: str) -> str:
    parts: list[Value] = [{"alg": "none", "typ": "JWT"}, {"iss": "local-workflows", "aud": audience, "kind": kind}]
    encoded = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    return ".".join(encoded) + "."


FUNCTIONS: tuple[Function, ...] = (
    hosted("http.request", request),
    *(_shortcut(method) for method in ("DELETE", "GET", "PATCH", "POST", "PUT")),
)
