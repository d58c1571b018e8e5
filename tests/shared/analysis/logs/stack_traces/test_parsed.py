"""What the parsers of all languages share, and the choice of the parser."""

import time
from datetime import UTC, datetime

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.parse import read
from shared.analysis.logs.stack_traces.parsed import Raised, explaining_exception
from shared.telemetry.port import LogLine

SAMPLES = {
    "python": 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\nKeyError: 1',
    "java": "java.lang.Error: x\n\tat com.shop.A.b(A.java:1)",
    "javascript": "Error: x\n    at f (/app/a.js:1:2)",
    "dotnet": "System.Exception: x\n   at Shop.A.B() in /src/A.cs:line 3",
    "go": "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:9 +0x1d",
    "ruby": "/app/a.rb:1:in `f': x (ArgumentError)\n\tfrom /app/b.rb:2:in `g'",
    "rust": "thread 'main' panicked at src/a.rs:1:2:\nx",
    "php": "PHP Fatal error:  Uncaught TypeError: x in /app/a.php:1\nStack trace:\n#0 /app/b.php(2): f()",
    "elixir": "** (RuntimeError) x\n    (shop 0.1.0) lib/a.ex:1: A.f/0",
    "erlang": "    exception error: x\n      in function  a:f/0 (src/a.erl, line 1)",
}


@pytest.mark.parametrize("language", SAMPLES)
def test_language_is_recognised_by_the_form_of_the_frames(language):
    """Each language has its own parser."""
    (trace,) = stack_traces.parse(SAMPLES[language])

    assert (trace.language, trace.raised.has_app_frame) == (language, True)


@pytest.mark.parametrize("text", ["", "all is well", "look at this\n  at home", 'see File "a.txt"', "12:01:02 at last"])
def test_prose_is_not_a_trace(text):
    """Text that looks a little like a trace gives no trace."""
    assert stack_traces.parse(text) == []


def test_hostile_text_is_read_in_bounded_time():
    """Log text is untrusted: very long lines and deep nesting cost little time."""
    hostile = [
        "\tat " + "a." * 90_000 + "A(",
        "    at " + "a (" * 60_000 + ":1:1)",
        "f" + "()" * 50_000 + "\n\t/x.go:1",
    ]
    start = time.process_time()

    for text in hostile:
        stack_traces.parse(text)

    assert time.process_time() - start < 30


def test_wrapper_leads_when_its_cause_has_no_frame():
    """An exception without frames cannot say where it failed."""
    (frame,) = stack_traces.parse(SAMPLES["python"])[0].raised.frames
    foreign = frame._replace(in_app=False)
    chain = [Raised("Wrapper", "", (foreign,)), Raised("Cause", "", ())]

    assert explaining_exception(chain).type == "Wrapper"


@pytest.mark.parametrize(
    "line",
    [
        *("", "-", "at a(", "#0 a", 'File "', "Exception" * 110, "1" * 1000, "+" * 1000, "a." * 500),
        *(
            "at " * 300,
            "(/a" * 300,
            "at (/a" * 200,
            "panicked at '",
            "Next a: ",
            "[object] (a(code: ",
            "crashed with reason: " * 40,
        ),
        *(
            "** (a",
            "{a,b,[{file,",
            "[1]" * 300,
            "2031-01-01 00:00:00 ERROR [a-1] " * 20 + "at a.b(",
            "1: a:" * 200,
            "---" * 300,
        ),
    ],
)
@pytest.mark.parametrize(
    "trace",
    [
        "a",
        "   at A.B() in a.cs:line 1",
        "a.rb:1:in `f': bad (E)",
        "#0 a.php(1): f()",
        "\tat a.B.c(D.java:1)",
        "    at f (a.js:1:1)",
        "\t/a/b.go:1 +0x1",
        '  File "a.py", line 1, in f',
        "thread 'a' panicked at src/a.rs:1:2:",
        "    (a 0.1.0) lib/a.ex:1: A.f/0",
        "2031-01-01 00:00:00 ERROR [a-1] a.b - \tat a.B.c(D.java:1)",
    ],
)
def test_lines_written_to_be_slow_to_read_take_no_time(line: str, trace: str) -> None:
    """Whoever can write a line may write it: 100 kB of empty lines held a step up for a minute, each time."""
    started = time.process_time()
    stack_traces.parse("\n".join([trace, *([line] * (100_000 // (len(line) + 1))), trace]))
    assert time.process_time() - started < 5


CRASHES = [
    "thread 'main' has overflowed its stack\nfatal runtime error: stack overflow",
    "thread 'worker' panicked at <redacted>:\nno price\nstack backtrace:\n   0: a\n             at ./src/x.foo:12:3",
    "thread 4711 panic: index out of bounds\n/app/src/basket.zig:41:9: 0x2345 in total (shop)",
    "Fatal error: Index out of range\n0xAAAA, closure #1 in total(_:) at /app/Sources/Shop/Basket.swift:41:9",
    "*** Program crashed: Bad pointer dereference ***\n\n0 0x0 total() + 44 in Shop at /app/Sources/Basket.swift:41:9",
    "terminate called after throwing an instance of 'std::out_of_range'\n  what():  vector",
    "lua entry thread aborted: runtime error: /app/basket.lua:41: attempt to index a nil value\nstack traceback:",
    "Unhandled exception:\nNoPrice: item 7\n#0      total (package:shop/basket.dart:41:9)",
    "PANIC: worker crashed\n  at basket.total:41:9\n  at main:7:3",
    "Kernel panic - not syncing: Attempted to kill init!",
    "panic: no price for item 7",
    "[worker-3] panic: no price for item 7",
    "==12==ERROR: AddressSanitizer: heap-use-after-free\n    #0 0x4f1 in total /app/src/basket.cc:41:9",
]


@pytest.mark.parametrize("text", CRASHES)
def test_crash_that_cannot_be_read_is_a_crash_of_no_language(text: str) -> None:
    """Frames with a line and a column are not JavaScript's for that."""
    entry = read(LogLine(datetime(2031, 5, 6, tzinfo=UTC), 0, text, {}))

    assert entry.level in ("error", "fatal")
    assert {trace.language for trace in stack_traces.parse(text)} <= {"unknown"}
