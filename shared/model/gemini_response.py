"""What Gemini's answers and errors mean: finish reasons, blocked prompts, HTTP errors and waits, in our own types.

The SDK raises nothing for blocked, truncated, malformed or empty answers.
Sources: https://ai.google.dev/api/generate-content#FinishReason and https://google.aip.dev/193 (RetryInfo)
"""

import re
from collections.abc import Iterator
from typing import Any

from google.genai import errors, types

from shared.bounds import clip
from shared.errors import IncidentCopilotError, Throttled, Unavailable, Uncertain
from shared.http.status import error_from_status, retry_after_s
from shared.model.port import ModelReply, ToolRequest
from shared.model.pricing import cost_usd

# A retry that names the problem may help for these; any other reason except STOP is final.
_RECOVERABLE = {"MAX_TOKENS", "MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL",
                "TOO_MANY_TOOL_CALLS", "OTHER", "FINISH_REASON_UNSPECIFIED", "CONTINUATION"}  # fmt: skip
_MESSAGE_CHARS = 300


class DailyQuotaSpent(Throttled):
    """The quota of the day is used up: waiting a moment does not help."""


def reply(response: types.GenerateContentResponse, model: str, duration_ms: int) -> ModelReply:
    """Return the model's turn; a blocked, truncated or empty one has a `problem`."""
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
        model=response.model_version or model,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=cached,
        cost_usd=cost_usd(model, tokens_in, cached, tokens_out),
        duration_ms=duration_ms,
        finish=finish,
        requests=requests if problem is None else (),
        problem=problem and f"Gemini {model!r} {problem}",
        is_final=is_final,
    )


def error_from(error: errors.APIError, model: str) -> IncidentCopilotError:
    """Return our error, which says who must act. It leaves out Gemini's details, which may contain the key."""
    text = clip(str(error.message or ""), _MESSAGE_CHARS)
    message = f"Gemini {model!r} answered {error.code} {error.status or ''}: {text}"
    if error.code == 429:
        return DailyQuotaSpent(message) if _is_daily(error) else Throttled(message, wait_s(error))
    # After a 504 Gemini may have answered, and billed it: asking again would pay twice.
    return error_from_status(error.code, message, on_failure=Uncertain if error.code == 504 else Unavailable)


def wait_s(error: errors.APIError) -> float | None:
    """Return how long Gemini asks to wait, in seconds: RetryInfo in the body, else the header Retry-After."""
    for detail in _details(error):
        if str(detail.get("@type", "")).endswith("google.rpc.RetryInfo"):
            seconds = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)s", str(detail.get("retryDelay", "")))
            if seconds:
                return float(seconds[1])
    return retry_after_s(getattr(error.response, "headers", {}).get("retry-after"))


def _is_daily(error: errors.APIError) -> bool:
    return any("PerDay" in str(detail.get("violations", "")) for detail in _details(error))


def _details(error: errors.APIError) -> Iterator[dict[str, Any]]:
    body = error.details
    inner = body.get("error", body) if isinstance(body, dict) else {}
    details = inner.get("details") if isinstance(inner, dict) else None
    return (detail for detail in details or [] if isinstance(detail, dict))


def _request(call: types.FunctionCall) -> ToolRequest:
    return ToolRequest(str(call.name or ""), call.args or {}, call.id)


def _problem(has_candidate: bool, finish: str, has_content: bool) -> tuple[str | None, bool]:
    """Return the problem, or None, and whether a retry is useless."""
    if not has_candidate:
        return f"gave no answer (prompt blocked: {finish})", True
    if finish != "STOP":
        return f"stopped early: {finish}", finish not in _RECOVERABLE
    return (None, False) if has_content else ("answered with no text", False)


def _blocked(response: types.GenerateContentResponse) -> str:
    return _name(response.prompt_feedback.block_reason if response.prompt_feedback else None, "no reason given")


def _name(reason: object, default: str) -> str:
    return str(getattr(reason, "value", reason) or default)
