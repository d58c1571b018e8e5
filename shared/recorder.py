"""Collects what a step does while it works: tool calls and model use, for its trace."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime

from shared import clock, log
from shared.errors import IncidentCopilotError
from shared.model.port import Reply
from shared.traces.port import ToolCall

EXCERPT_CHARS = 2_000


@dataclass
class OpenCall:
    """A tool call under way; set `result` to what came back."""

    tool_name: str
    args: dict[str, object]
    start: datetime
    result: str = ""


@dataclass(frozen=True)
class KeptCall:
    """A finished tool call with its whole result, before the store has given that a reference."""

    call: ToolCall
    whole_result: str


@dataclass
class Recording:
    """Everything one step did."""

    calls: list[KeptCall] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)


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
    """Record one call to the outside; an error of the house is recorded with it and goes on its way."""
    call = OpenCall(tool_name, args, clock.now())
    try:
        yield call
    except IncidentCopilotError as error:
        _finish(call, f"{type(error).__name__}: {error}")
        raise
    _finish(call, None)


def model_replied(reply: Reply) -> None:
    """Record a model's reply: the call was billed, whatever becomes of the answer."""
    if current := _current.get():
        current.replies.append(reply)


def _finish(call: OpenCall, error: str | None) -> None:
    end = clock.now()
    finished = ToolCall(call.tool_name, call.args, call.start, end, call.result[:EXCERPT_CHARS], error=error)
    if current := _current.get():
        current.calls.append(KeptCall(finished, call.result))
    duration_ms = round((end - call.start).total_seconds() * 1000)
    log.debug("tool.called", tool=call.tool_name, duration_ms=duration_ms, error=error)
