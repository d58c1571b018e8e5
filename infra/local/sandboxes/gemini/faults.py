"""How Gemini fails: with HTTP errors, and with well-formed replies whose content is wrong."""

import json
from collections.abc import Callable
from typing import Any

from infra.local.sandboxes.gemini.fill import grounded
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn, calling, text_turn
from infra.local.sandboxes.http import Reply

SLOW_S = 600.0


def error(status: int, state: str, message: str, *details: dict[str, Any]) -> Reply:
    """Return an error as Google's APIs write them."""
    body = {"code": status, "message": message, "status": state, "details": list(details)}
    return Reply.of_json({"error": body}, status)


def throttled(wait: str) -> Reply:
    """Return a 429 with a retry delay, for example `30s`."""
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": wait}
    return error(429, "RESOURCE_EXHAUSTED", "Quota exceeded for requests per minute.", info)


WIRE: dict[str, Callable[[], Reply]] = {
    "429": lambda: throttled("0.2s"),
    "429_long": lambda: throttled("3600s"),
    "500": lambda: error(500, "INTERNAL", "An internal error has occurred."),
    "503": lambda: error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
    "400": lambda: error(400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "403": lambda: error(403, "PERMISSION_DENIED", "Generative Language API has not been used before."),
    "reset": lambda: Reply(body=b'{"candidates": [', is_truncated=True),
    "no_json": lambda: Reply.of_text("<html>502 Bad Gateway</html>"),
    "slow": lambda: Reply.of_json({}, headers={}, status=200).held(SLOW_S),
}
"""Faults that replace the HTTP response."""

ANSWERS: dict[str, Callable[[ModelRequest], Turn]] = {
    "cut_json": lambda request: text_turn(json.dumps(grounded(request))[:-25]),
    "fenced_json": lambda request: text_turn(f"```json\n{json.dumps(grounded(request), indent=1)}\n```"),
    "wrong_schema": lambda _: text_turn({"answer": 42, "severity": "apocalyptic", "root_causes": "none"}),
    "empty": lambda _: text_turn(""),
    "SAFETY": lambda _: Turn([{"text": "I cannot"}], "SAFETY"),
    "RECITATION": lambda _: Turn([], "RECITATION"),
    "MAX_TOKENS": lambda request: Turn([{"text": json.dumps(grounded(request))[:40]}], "MAX_TOKENS"),
    "MALFORMED_FUNCTION_CALL": lambda _: Turn([], "MALFORMED_FUNCTION_CALL"),
    "unknown_function": lambda _: calling(("format_disk", {"now": True})),
}
"""Faults in the content of the answer; `blocked` has no candidate at all."""

BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
NAMES = sorted([*WIRE, *ANSWERS, "blocked"])
