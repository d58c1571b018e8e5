"""Traces split over several log entries."""

from datetime import UTC, datetime, timedelta

from shared.analysis.logs.join_traces import assemble
from shared.analysis.logs.parse import read
from shared.telemetry.port import LogLine

AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
PYTHON = """2031-05-06 07:08:09 ERROR request failed
Traceback (most recent call last):
  File "/app/a.py", line 1, in f
    g()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/b.py", line 2, in g
    h()
TypeError: no"""


def assembled(*lines: tuple[str, str], gap_ms: int = 1) -> list[str]:
    """Return the texts after assembling (pod, text) lines written `gap_ms` milliseconds apart."""
    entries = [
        read(LogLine(AT + timedelta(milliseconds=gap_ms * index), 0, text, {"pod": pod}))
        for index, (pod, text) in enumerate(lines)
    ]
    return [entry.text for entry in assemble(entries)]


def split(pod: str, text: str) -> list[tuple[str, str]]:
    """Return the text as one entry per line."""
    return [(pod, line) for line in text.split("\n")]


def test_chained_trace_logged_line_by_line_becomes_one_entry():
    """The log line, both tracebacks and the sentence between them are one entry."""
    assert assembled(*split("a", PYTHON)) == [PYTHON]


def test_joined_entry_has_the_worst_level_of_its_parts():
    """Parts of unknown level do not lower an error."""
    entries = [read(LogLine(AT, 0, text, {})) for text in PYTHON.split("\n")]

    assert [entry.level for entry in assemble(entries)] == ["error"]


def test_lines_of_two_pods_stay_separate():
    """Interleaved lines of two pods give two complete traces."""
    mixed = [line for pair in zip(split("a", PYTHON), split("b", PYTHON), strict=True) for line in pair]

    assert assembled(*mixed) == [PYTHON, PYTHON]


def test_line_of_another_thread_does_not_end_an_unfinished_trace():
    """A line with its own timestamp between the parts is a separate entry."""
    lines = split("a", PYTHON)
    other = "2031-05-06 07:08:09 INFO [access] GET /"

    texts = assembled(*lines[:3], ("a", other), *lines[3:])

    assert sorted(texts) == sorted([PYTHON, other])


def test_consecutive_traces_stay_two_entries():
    """A second failure right after the first is its own entry."""
    one = "\n".join(PYTHON.split("\n")[:5])

    assert assembled(*split("a", one), *split("a", one)) == [one, one]


def test_java_trace_is_joined_to_its_first_line():
    """Lines with `at`, `Caused by` and `... n more` continue a trace."""
    text = "ERROR failed\n\tat a.B.c(B.java:1)\nCaused by: a.D: x\n\tat a.D.e(D.java:2)\n\t... 1 more"

    assert assembled(*split("a", text), ("a", "INFO next")) == [text, "INFO next"]


def test_goroutine_dump_is_one_entry():
    """Unindented calls belong to a dump that has started."""
    text = "panic: x\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/app/a.go:1 +0x1d\ncreated by main.g\n\t/app/b.go:2"

    assert assembled(*split("a", text)) == [text.replace("\n\n", "\n\n")]


def test_trace_with_a_prefix_on_each_line_is_joined():
    """oslo.log repeats its header before each line of a traceback."""
    lines = ["Traceback (most recent call last):", '  File "/a.py", line 1, in f', "    g()", "KeyError: 'x'"]
    text = "\n".join(f"2031-05-06 07:08:0{index} TRACE shop.api {line}" for index, line in enumerate(lines))

    assert assembled(*split("a", text), ("a", "2031-05-06 07:08:09 INFO shop.api next")) == [
        text,
        "2031-05-06 07:08:09 INFO shop.api next",
    ]


def test_entries_far_apart_are_not_joined():
    """An indented line minutes later does not continue an entry."""
    assert len(assembled(("a", "ERROR x"), ("a", "  indented"), gap_ms=60_000)) == 2


def test_entries_are_passed_on_while_others_are_read():
    """Only what may still be continued is held back, so a log of any length can be read."""
    lines = (
        LogLine(AT + timedelta(seconds=number), 0, f"INFO {number}", {"pod": f"p{number % 3}"}) for number in range(99)
    )
    read_lines = 0

    def counted():
        nonlocal read_lines
        for line in lines:
            read_lines += 1
            yield read(line)

    for position, entry in enumerate(assemble(counted())):
        assert entry.text == f"INFO {position}"
        assert read_lines <= position + 4


def test_rust_panic_logged_line_by_line_becomes_one_entry():
    """Its message is the line after its place, and lines of requests are no part of it."""
    text = "thread 'main' panicked at src/a.rs:1:2:\nno price\nstack backtrace:\n   0: shop::f\n     at ./src/a.rs:1:2"

    assert assembled(*split("a", text), ("a", "request 7 started")) == [text, "request 7 started"]
