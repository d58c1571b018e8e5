"""What Gemini's answers and errors mean: finish reasons, blocks, HTTP errors and waits, in the words of the house.

The SDK raises nothing for blocked, truncated, malformed or empty answers.
Sources: https://ai.google.dev/api/generate-content#FinishReason and https://google.aip.dev/193 (RetryInfo)
"""

import re
from collections.abc import Iterator
from typing import Any

from google.genai import errors, types

from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable
from shared.model.port import ModelReply, ToolRequest
from shared.model.pricing import cost_usd

# The model may do better when told what went wrong; every other reason but STOP will stand.
_MENDABLE = {"MAX_TOKENS", "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL",
             "TOO_MANY_TOOL_CALLS", "OTHER", "FINISH_REASON_UNSPECIFIED", "CONTINUATION"}  # fmt: skip
_REFUSED = (400, 401, 403, 404)
_MESSAGE_CHARS = 300


def reply(response: types.GenerateContentResponse, asked: str, duration_ms: int) -> ModelReply:
    """Return the model's turn in the house's words; one that is blocked, cut or empty carries its `problem`."""
    candidate = response.candidates[0] if response.candidates else None
    parts = (candidate.content.parts if candidate and candidate.content else None) or []
    requests = tuple(_request(part.function_call) for part in parts if part.function_call)
    text = "".join(part.text or "" for part in parts if not part.thought)
    finish = _name(candidate.finish_reason, "STOP") if candidate else _blocked(response)
    problem, is_final = _problem(candidate is not None, finish, bool(text.strip() or requests))
    usage = response.usage_metadata or types.GenerateContentResponseUsageMetadata()
    tokens_in, cached = usage.prompt_token_count or 0, usage.cached_content_token_count or 0
    tokens_out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return ModelReply(
        text=text,
        model=(response.model_version or asked)[:90],
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=cached,
        cost_usd=cost_usd(asked, tokens_in, cached, tokens_out),
        duration_ms=duration_ms,
        finish=finish,
        requests=requests if problem is None else (),
        problem=problem and f"Gemini {asked!r} {problem}",
        is_final=is_final,
    )


def mapped(error: errors.APIError, asked: str) -> IncidentCopilotError:
    """Return the error that says who must act. Gemini's message never holds the key, but its details may."""
    told = f"Gemini {asked!r} answered {error.code} {error.status or ''}: {str(error.message or '')[:_MESSAGE_CHARS]}"
    if error.code == 429:
        return Throttled(told, None if _is_daily(error) else wait_s(error))
    if error.code in _REFUSED or 300 <= error.code < 400:
        return Refused(told)
    return Unavailable(told)


def wait_s(error: errors.APIError) -> float | None:
    """Return how long Gemini asks to wait, in seconds: RetryInfo in the body, else the header Retry-After."""
    for detail in _details(error):
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            if found:
                return float(found[1])
    header = getattr(error.response, "headers", {}).get("retry-after", "")
    return float(header) if re.fullmatch(r"\d{1,6}", header) else None


def is_passing(error: errors.APIError) -> bool:
    """Tell whether the same request may succeed in a moment; a daily quota comes back tomorrow."""
    return error.code in (500, 502, 503) or (error.code == 429 and not _is_daily(error))


def _is_daily(error: errors.APIError) -> bool:
    return any("PerDay" in str(detail.get("violations", "")) for detail in _details(error))


def _details(error: errors.APIError) -> Iterator[dict[str, Any]]:
    body = error.details
    inner = body.get("error", body) if isinstance(body, dict) else {}
    details = inner.get("details") if isinstance(inner, dict) else None
    return (detail for detail in details or [] if isinstance(detail, dict))


def _request(call: types.FunctionCall) -> ToolRequest:
    return ToolRequest(str(call.name or ""), call.args or {}, call.id)


def _problem(has_candidate: bool, finish: str, says_something: bool) -> tuple[str | None, bool]:
    """Return what is wrong, if anything, and whether asking again is in vain."""
    if not has_candidate:
        return f"answered nothing (prompt blocked: {finish})", True
    if finish != "STOP":
        return f"stopped early: {finish}", finish not in _MENDABLE
    return (None, False) if says_something else ("answered with no text", False)


def _blocked(response: types.GenerateContentResponse) -> str:
    return _name(response.prompt_feedback.block_reason if response.prompt_feedback else None, "no reason given")


def _name(reason: object, default: str) -> str:
    return str(getattr(reason, "value", reason) or default)
