"""Read the body of a request within its bound, and answer as JSON."""

import json

import flask

from shared import json_text
from shared.errors import Rejected

MAX_BODY_BYTES = 4_194_304


class BodyTooLarge(Rejected):
    """The body is over MAX_BODY_BYTES."""

    status = 413


def content_of(request: flask.Request) -> bytes:
    """Return the body as it was sent. Raises BodyTooLarge."""
    # Read from the stream: functions-framework reads the body again after the answer, and a limit set on the request
    # would turn that into a 500.
    content = request.stream.read(MAX_BODY_BYTES + 1)
    if len(content) > MAX_BODY_BYTES:
        raise BodyTooLarge(f"The body is over {MAX_BODY_BYTES} bytes; limit the alerts of a notification")
    return content


def parsed(content: bytes) -> object:
    """Return a body's JSON. Raises Rejected."""
    try:
        return json_text.parsed(content)
    except ValueError as error:
        raise Rejected(f"The body is not JSON: {error}") from None


def answer(status: int, body: dict[str, object], **headers: str) -> flask.Response:
    """Return `body` as JSON."""
    return flask.Response(json.dumps(body), status, headers, mimetype="application/json")
