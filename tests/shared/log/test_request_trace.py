"""The trace of a request, from either header, and nothing from what is neither."""

import flask
import pytest

from shared.log import request_trace
from shared.log.request_trace import RequestTrace

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def current(**headers: str) -> RequestTrace | None:
    """Return the trace of a request with these headers; `_` stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with flask.Flask("any").test_request_context(headers=named):
        return request_trace.current()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"{TRACE}/1;o=1", RequestTrace(TRACE, "0000000000000001", True)),
        (f"{TRACE}/18446744073709551615;o=0", RequestTrace(TRACE, "f" * 16, False)),
        (f"{TRACE}/67667974448284343", RequestTrace(TRACE, "00f067aa0ba902b7", False)),
        (f"{TRACE}/0;o=1", RequestTrace(TRACE, "", True)),
        (TRACE.upper(), RequestTrace(TRACE, "", False)),
        (f"{'0' * 32}/1;o=1", None),
        (f"{TRACE}/12x", None),
        (f"{TRACE}\t/1", None),
        (f"{TRACE}é", None),
        ("", None),
    ],
)
def test_googles_header_is_read(header: str, expected: RequestTrace | None) -> None:
    """The span is decimal there and hexadecimal in a line of the log."""
    assert current(X_Cloud_Trace_Context=header) == expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{TRACE}-00f067aa0ba902b7-01", RequestTrace(TRACE, "00f067aa0ba902b7", True)),
        (f"00-{TRACE}-00f067aa0ba902b7-00", RequestTrace(TRACE, "00f067aa0ba902b7", False)),
        (f"cc-{TRACE}-00f067aa0ba902b7-03-later", RequestTrace(TRACE, "00f067aa0ba902b7", True)),
        (f"00-{'0' * 32}-00f067aa0ba902b7-01", None),
        (f"00-{TRACE}-00f067aa0ba902b7", None),
        ("garbage", None),
    ],
)
def test_header_of_the_standard_is_read(header: str, expected: RequestTrace | None) -> None:
    """It may have a later version, with further parts."""
    assert current(traceparent=header) == expected


def test_standard_header_comes_first() -> None:
    """Google recommends it where both are sent."""
    assert current(traceparent=f"00-{'a' * 32}-{'b' * 16}-01", X_Cloud_Trace_Context=f"{TRACE}/1") == RequestTrace(
        "a" * 32, "b" * 16, True
    )


def test_outside_a_request_there_is_no_trace() -> None:
    """What a process does before its first request, or a command on a laptop, belongs to none."""
    assert request_trace.current() is None
