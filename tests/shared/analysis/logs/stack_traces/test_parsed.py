"""What the parsers of all languages share, and the choice of the parser."""

import time

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces.parsed import Raised, explaining_exception

SAMPLES = {
    "python": 'Traceback (most recent call last):\n  File "/app/a.py", line 1, in f\n    g()\nKeyError: 1',
    "java": "java.lang.Error: x\n\tat com.shop.A.b(A.java:1)",
    "javascript": "Error: x\n    at f (/app/a.js:1:2)",
    "dotnet": "System.Exception: x\n   at Shop.A.B() in /src/A.cs:line 3",
    "go": "panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/app/main.go:9 +0x1d",
    "ruby": "/app/a.rb:1:in `f': x (ArgumentError)\n\tfrom /app/b.rb:2:in `g'",
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
    "line", ["", "-", "at a(", "#0 a", 'File "', "Exception" * 110, "1" * 1000, "+" * 1000, "a." * 500]
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
    ],
)
def test_lines_written_to_be_slow_to_read_take_no_time(line: str, trace: str) -> None:
    """Whoever can write a line may write it: 100 kB of empty lines held a step up for a minute, each time."""
    started = time.process_time()
    stack_traces.parse("\n".join([trace, *([line] * (100_000 // (len(line) + 1))), trace]))
    assert time.process_time() - started < 5
