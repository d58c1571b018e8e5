"""The HTTP side of the webhook endpoint: the key, the size and form of a body, answers as JSON."""

import hmac
import json

import flask

from shared import json_text
from shared.errors import Rejected

MAX_BODY_BYTES = 4_194_304


def has_key(request: flask.Request, key: str) -> bool:
    """
    Return whether the request carries the key, as X-Webhook-API-Key or as a bearer token.

    Compared in constant time. Alertmanager and Grafana can send a bearer token where they cannot set a header.
    """
    named = request.headers.get("X-Webhook-API-Key", "")
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    bearer = token.strip() if scheme.lower() == "bearer" else ""
    # WSGI passes headers as Latin-1.
    is_named, is_bearer = (
        hmac.compare_digest(candidate.encode("latin-1", "replace"), key.encode()) for candidate in (named, bearer)
    )
    return is_named or is_bearer


class BodyTooLarge(Rejected):
    """The body is over MAX_BODY_BYTES."""

    status = 413


def body_of(request: flask.Request) -> object:
    """Return the body's JSON. Raises BodyTooLarge, Rejected."""
    # Read from the stream: functions-framework reads the body again after the answer, and a limit set on the request
    # would turn that into a 500.
    content = request.stream.read(MAX_BODY_BYTES + 1)
    if len(content) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes; limit the alerts of a notification")
    try:
        return json_text.parsed(content)
    except ValueError as error:
        raise Rejected(f"The body is not JSON: {error}") from None


def answer(status: int, body: dict[str, object], **headers: str) -> flask.Response:
    """Return `body` as JSON."""
    return flask.Response(json.dumps(body), status, headers, mimetype="application/json")
