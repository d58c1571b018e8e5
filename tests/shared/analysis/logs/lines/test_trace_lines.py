"""What the lines of stack traces look like."""

import time

import pytest

from shared.analysis.logs.lines.trace_lines import announces, is_go_function, is_of_trace, is_quiet


@pytest.mark.parametrize(
    "line",
    [
        "    at total (/app/a.js:1:2)",
        '  File "/app/a.py", line 1, in f',
        "Caused by: java.io.IOException: x",
        "panic: no price",
        "goroutine 1 [running]:",
        "thread 'main' panicked at src/a.rs:1:2:",
        "** (KeyError) no key",
        "[stacktrace]",
        "#0 /app/a.php(1): f()",
        "shop/basket.Total",
        "}",
        "",
    ],
)
def test_line_of_a_trace_is_never_passed_over(line: str) -> None:
    """Lines without a sign of one are most, and are not looked at again."""
    assert not is_quiet(line)


@pytest.mark.parametrize("line", ["GET /orders/7 200 7ms", "2031-05-06 07:08:09 INFO [req-7] order placed in 7 ms"])
def test_ordinary_line_is_quiet(line: str) -> None:
    """It neither starts a trace nor goes on with one."""
    assert is_quiet(line)
    assert not announces(line)
    assert not is_of_trace(line)


@pytest.mark.parametrize("text", ["a." * 150, "((" * 150, "[a]" * 100, "- a" * 100])
def test_long_lines_are_read_in_little_time(text: str) -> None:
    """Whoever can write a line may write it."""
    started = time.process_time()
    for _ in range(300):
        is_of_trace(text + "!")
        is_go_function(text + "!")
    assert time.process_time() - started < 5
