"""Which requests Gemini refuses: those that break the rules of its conversation."""

from itertools import pairwise
from typing import Any

from infra.local.sandboxes.gemini.request import ModelRequest


def objection(request: ModelRequest) -> str | None:
    """Return the message of Gemini's 400, or None when it accepts the request."""
    contents, config = request.body.get("contents") or [], request.body.get("generationConfig", {})
    if not contents or contents[-1].get("role") != "user":
        return "Please ensure that the conversation ends with a user role."
    newest = request.model.startswith("gemini-3")
    if newest and {"temperature", "topP"} & set(config):
        return "This model does not take temperature or top_p."
    if not newest and request.tools and config.get("responseMimeType") == "application/json":
        return "Function calling with a response mime type: 'application/json' is unsupported"
    for before, after in pairwise(contents):
        if problem := _broken(before, after, newest):
            return problem
    return None


def _broken(before: dict[str, Any], after: dict[str, Any], newest: bool) -> str | None:
    """Return what is wrong with two turns: every call needs its response, every signature must be sent back."""
    calls = [part for part in before.get("parts", []) if "functionCall" in part]
    responses = [part["functionResponse"] for part in after.get("parts", []) if "functionResponse" in part]
    expected = [(part["functionCall"].get("id"), part["functionCall"]["name"]) for part in calls]
    if expected != [(response.get("id"), response["name"]) for response in responses]:
        return "Please ensure that the number of function response parts is equal to that of the function call parts."
    if newest and calls and "thoughtSignature" not in calls[0]:
        return "Function call is missing a thought_signature in functionCall parts."
    return None
