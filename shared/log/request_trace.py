"""The trace that the current HTTP request belongs to, as Google's load balancer and Workflows name it.

    traceparent             00-<trace, 32 hexadecimal digits>-<span, 16>-<flags, 2>
    X-Cloud-Trace-Context   <trace, 32 hexadecimal digits>/<span, decimal>;o=<1 when sampled>

Source: https://cloud.google.com/trace/docs/trace-context
"""

import re
from dataclasses import dataclass

import flask

_W3C = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_GOOGLE = re.compile(r"([0-9a-f]{32})(?:/([0-9]{1,20}))?(?:;o=([0-9]))?")
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


@dataclass(frozen=True)
class RequestTrace:
    """Hexadecimal ids; without a span's id `span_id` is empty."""

    trace_id: str
    span_id: str
    is_sampled: bool


def current() -> RequestTrace | None:
    """Return the trace of the request that is being handled, or None outside one and when it names none."""
    if not flask.has_request_context():
        return None
    headers = flask.request.headers
    return read(headers.get("traceparent", ""), headers.get("X-Cloud-Trace-Context", ""))


def read(traceparent: str, cloud_trace_context: str) -> RequestTrace | None:
    """Return the trace that the two headers name, the standard one first, as Google recommends; None for neither."""
    return _w3c(traceparent) or _google(cloud_trace_context)


def _w3c(text: str) -> RequestTrace | None:
    match = _W3C.fullmatch(text.strip().lower())
    return _trace(match[1], match[2], bool(int(match[3], 16) & 1)) if match else None


def _google(text: str) -> RequestTrace | None:
    match = _GOOGLE.fullmatch(text.strip().lower())
    # A span is a number of 64 bits.
    return _trace(match[1], f"{int(match[2] or 0) % 2**64:016x}", match[3] == "1") if match else None


def _trace(trace_id: str, span_id: str, is_sampled: bool) -> RequestTrace | None:
    return None if trace_id == _NO_TRACE else RequestTrace(trace_id, span_id if span_id != _NO_SPAN else "", is_sampled)
