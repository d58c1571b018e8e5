"""One JSON line per event on stdout, with the context bound once, and without secrets.

The message is an event name, `package.past_tense`; everything else is a flat key.
Cloud Logging reads `severity`, `message` and `time`.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from shared import clock
from shared.redaction import redact_json_text

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
    line = {"severity": severity, "message": event, "time": clock.now().isoformat(), **(_context.get() or {}), **keys}
    # One write call, so that lines of concurrent requests never mix.
    sys.stdout.write(redact_json_text(json.dumps(line, default=str, ensure_ascii=False)) + "\n")
    sys.stdout.flush()
