"""One JSON line per event on stdout, with the context bound once, and without secrets.

The message is an event name, `package.past_tense`; everything else is a flat key.
Cloud Logging reads `severity`, `message` and `time`, and from fields of its own the trace of the request and labels:
`labels.incident_id="…"` finds the lines of one incident in every function. Error Reporting groups what it finds in
`stack_trace`: an error that is logged while an exception is handled carries that exception's.
Source: https://cloud.google.com/logging/docs/structured-logging, https://cloud.google.com/error-reporting/docs/formatting-error-messages
"""

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from shared import clock
from shared.bounds import clip
from shared.log import request_trace
from shared.redaction import redact_json_text
from shared.settings import lookup

LABELS = ("incident_id", "service_name", "agent")
"""Keys by which lines are searched."""
MAX_STACK_TRACE, MAX_FRAMES = 8_000, 20
_GOOGLE = "logging.googleapis.com"
_context: ContextVar[dict[str, Any] | None] = ContextVar("log_context", default=None)


@contextmanager
def bound(**keys: Any) -> Iterator[None]:
    """Add `keys` to every line written inside the block."""
    token = _context.set({**(_context.get() or {}), **keys})
    try:
        yield
    finally:
        _context.reset(token)


def debug(event: str, **keys: Any) -> None:
    """Write one DEBUG line."""
    _write("DEBUG", event, keys)


def info(event: str, **keys: Any) -> None:
    """Write one INFO line."""
    _write("INFO", event, keys)


def warning(event: str, **keys: Any) -> None:
    """Write one WARNING line."""
    _write("WARNING", event, keys)


def error(event: str, **keys: Any) -> None:
    """Write one ERROR line."""
    _write("ERROR", event, keys)


def critical(event: str, **keys: Any) -> None:
    """Write one CRITICAL line: a promise is broken and a person must act."""
    _write("CRITICAL", event, keys)


def _write(severity: str, event: str, keys: dict[str, Any]) -> None:
    keys = {**(_context.get() or {}), **keys}
    line = {"severity": severity, "message": event, "time": clock.now().isoformat(), **keys, **_fields(keys)}
    if severity in ("ERROR", "CRITICAL"):
        line |= _stack_trace()
    # One write call, so that lines of concurrent requests never mix.
    sys.stdout.write(redact_json_text(json.dumps(line, default=str, ensure_ascii=False)) + "\n")
    sys.stdout.flush()


def _fields(keys: dict[str, Any]) -> dict[str, Any]:
    """Return what Cloud Logging takes out of the line: the labels, and the trace of the request that is handled."""
    labels = {name: str(keys[name]) for name in LABELS if keys.get(name)}
    fields: dict[str, Any] = {f"{_GOOGLE}/labels": labels} if labels else {}
    if (trace := request_trace.current()) is None:
        return fields
    project = lookup("GOOGLE_CLOUD_PROJECT")
    # Without the project's name Cloud Logging takes the id alone, of its own project.
    fields[f"{_GOOGLE}/trace"] = f"projects/{project}/traces/{trace.trace_id}" if project else trace.trace_id
    fields[f"{_GOOGLE}/trace_sampled"] = trace.is_sampled
    return {**fields, f"{_GOOGLE}/spanId": trace.span_id} if trace.span_id else fields


def _stack_trace() -> dict[str, str]:
    """Return the stack trace of the exception that is being handled, once: a second line of it would count twice."""
    error = sys.exc_info()[1]
    if error is None or getattr(error, _LOGGED, False):
        return {}
    setattr(error, _LOGGED, True)
    # The innermost frames, and the end of the text, where the exception itself stands.
    text = "".join(traceback.format_exception(error, limit=-MAX_FRAMES))
    return {"stack_trace": text if len(text) <= MAX_STACK_TRACE else _shortened(error)}


def _shortened(error: BaseException) -> str:
    """Return the stack trace without what caused the exception, and of its message the first part."""
    head, *rest = traceback.format_exception(error, limit=-MAX_FRAMES, chain=False)
    frames, message = head + "".join(rest[:-1]), rest[-1] if rest else ""
    return clip(frames, MAX_STACK_TRACE // 2, "…\n") + clip(message, MAX_STACK_TRACE // 2)


_LOGGED = "_copilot_stack_trace_is_logged"
