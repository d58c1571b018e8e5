"""Collect what a step does for its trace: tool calls and model use."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from shared import clock, log
from shared.errors import IncidentCopilotError
from shared.model.port import ModelReply
from shared.redaction import redact, redact_json
from shared.traces.port import ToolCall

EXCERPT_CHARS = 2_000


@dataclass
class OpenCall:
    """A tool call in progress; set `result` to what came back."""

    tool_name: str
    args: dict[str, object]
    start: datetime
    result: str = ""


@dataclass(frozen=True)
class RecordedCall:
    """A finished tool call with its whole result, before the store has returned a reference to it."""

    call: ToolCall
    whole_result: str


@dataclass(frozen=True)
class ModelFailure:
    """Why a model's answer was not used, and when."""

    error: IncidentCopilotError
    at: datetime


@dataclass
class Recording:
    """Everything one step did."""

    calls: list[RecordedCall] = field(default_factory=list)
    replies: list[ModelReply] = field(default_factory=list)
    transcripts: list[str] = field(default_factory=list)
    """The message and the answer of each reply's turn."""
    model_failures: list[ModelFailure] = field(default_factory=list)
    claims_dropped: list[str] = field(default_factory=list)


_current: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recording() -> Iterator[Recording]:
    """Collect everything done inside the block."""
    fresh = Recording()
    token = _current.set(fresh)
    try:
        yield fresh
    finally:
        _current.reset(token)


@contextmanager
def tool(tool_name: str, **args: object) -> Iterator[OpenCall]:
    """Record one call to an outside service; an IncidentCopilotError is recorded with it and raised again."""
    call = OpenCall(tool_name, args, clock.now())
    try:
        yield call
    except IncidentCopilotError as error:
        _finish(call, f"{type(error).__name__}: {error}")
        raise
    _finish(call, None)


def model_replied(reply: ModelReply, message: str = "") -> None:
    """Record a model's turn and the message it answers: the call was billed, whether the answer is used or not."""
    if current := _current.get():
        current.replies.append(reply)
        current.transcripts.append(f"{message}\n\n>>> {reply.model}: {reply.finish}\n\n{reply.text}")


def model_usage() -> tuple[int, float]:
    """Return the tokens and US dollars that the current step has spent."""
    current = _current.get()
    replies = current.replies if current else []
    return sum(one.tokens_in + one.tokens_out for one in replies), sum(one.cost_usd for one in replies)


def model_failed(error: IncidentCopilotError) -> None:
    """Record why the offline analyst answered instead of the model."""
    log.warning("model.failed", error_type=type(error).__name__, error=str(error))
    if current := _current.get():
        current.model_failures.append(ModelFailure(error, clock.now()))


def claim_dropped(reason: str) -> None:
    """Record a claim of the model that the evidence does not support."""
    log.warning("model.claim_dropped", reason=reason)
    if current := _current.get():
        current.claims_dropped.append(reason[:500])


def _finish(call: OpenCall, error: str | None) -> None:
    end = clock.now()
    result, error = redact(call.result), redact(error) if error else None
    finished = ToolCall(call.tool_name, _redacted(call.args), call.start, end, result[:EXCERPT_CHARS], error=error)
    if current := _current.get():
        current.calls.append(RecordedCall(finished, result))
    duration_ms = round((end - call.start).total_seconds() * 1000)
    log.debug("tool.called", tool=call.tool_name, duration_ms=duration_ms, error=error)


def _redacted(args: dict[str, object]) -> dict[str, object]:
    return {name: redact_json(value) for name, value in args.items()}
