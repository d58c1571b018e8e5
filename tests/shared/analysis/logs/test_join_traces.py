"""Traces split over several log entries."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.analysis.logs.join_traces import assemble
from shared.analysis.logs.parse import LogEntry, read
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
    return [entry.text for entry in entries_of(*lines, gap_ms=gap_ms)]


def entries_of(*lines: tuple[str, str], gap_ms: int = 1) -> list[LogEntry]:
    """Return the entries after assembling (pod, text) lines."""
    entries = [
        read(LogLine(AT + timedelta(milliseconds=gap_ms * index), 0, text, {"pod": pod}))
        for index, (pod, text) in enumerate(lines)
    ]
    return list(assemble(entries))


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


JAVA = [
    "com.shop.NoPriceException: item 7",
    "\tat com.shop.Cart.total(Cart.java:41)",
    "\tat com.shop.Main.main(Main.java:7)",
]
NODE = [
    "/app/a.js:41",
    "  const a = ;",
    "            ^",
    "",
    "SyntaxError: no",
    "    at wrap (node:internal/a:1:2)",
    "}",
]
RUBY = ["KeyError (no key):", "  ", "app/models/rate.rb:5:in 'Rate#of'", "app/api.rb:9:in 'call'"]
GO = ["ERROR no price", "shop/basket.Total", "\t/app/total.go:41", "shop/api.order", "\t/app/api.go:22"]
PANIC = ["panic: no price", "", "goroutine 1 [running]:", "main.f(0x1)", "\t/app/a.go:1 +0x1d"]
RUST = [
    "thread 'a' panicked at src/a.rs:1:2:",
    "no price",
    "stack backtrace:",
    "   0: shop::f",
    "     at ./src/a.rs:1:2",
]
PHP = [
    "PHP Fatal error:  Uncaught E: x in /app/a.php:1",
    "Stack trace:",
    "#0 /app/b.php(2): f()",
    "#1 {main}",
    "  thrown in /app/a.php on line 1",
]
ELIXIR = ["GenServer Shop terminating", "** (KeyError) x", "    (shop 0.1.0) lib/a.ex:1: A.f/0", "Last message: :go"]
ERLANG = ["=CRASH REPORT==== 4-May-2031::02:44:20 ===", "  crasher:", "      in function  a:f/0 (src/a.erl, line 1)"]
SQL = ["org.shop.QueryException: bad", "LINE 1: select", "       ^", "\tat com.shop.Cart.total(Cart.java:41)"]
DOTNET = ["Stack overflow.", "Repeat 7 times:", "-" * 32, "   at Shop.A.B(Int32)", "-" * 32, "   at Shop.C.D()"]
PYTHON_LINES = PYTHON.split("\n")[1:]
TRACES = {
    "java": JAVA,
    "node": NODE,
    "ruby": RUBY,
    "go": GO,
    "panic": PANIC,
    "rust": RUST,
    "php": PHP,
    "elixir": ELIXIR,
    "erlang": ERLANG,
    "message of several lines": SQL,
    "dotnet": DOTNET,
    "python": PYTHON_LINES,
}


@pytest.mark.parametrize("name", TRACES)
def test_trace_logged_line_by_line_becomes_one_entry(name: str) -> None:
    """Also where lines of its message stand before the first frame."""
    lines = [("a", line) for line in TRACES[name]]

    assert assembled(*lines, ("a", "2031-05-06 07:08:09 INFO next"))[0].split("\n") == TRACES[name]


@pytest.mark.parametrize("name", sorted(set(TRACES) - {"node"}))
@pytest.mark.parametrize(
    "prefix",
    ["2031-05-06 07:08:09,123 ERROR [worker-3] shop.orders - ", "[6b1d5c0e-8a51] ", "May  6 07:08:09 host shop[1]: "],
)
def test_trace_with_a_header_on_each_line_is_kept_apart_from_other_threads(name: str, prefix: str) -> None:
    """Lines of another thread or request may come between any two of its lines."""
    other = "2031-05-06 07:08:09,123 INFO [worker-4] shop.access - GET /"
    lines = [("a", line) for part in TRACES[name] for line in (prefix + part, other)]

    texts = [text for text in assembled(*lines) if text != other]

    assert [text.split("\n") for text in texts] == [[prefix + part for part in TRACES[name]]]


@pytest.mark.parametrize("name", ["java", "python", "rust", "php", "elixir", "panic"])
def test_ordinary_line_between_the_lines_of_a_trace_does_not_end_it(name: str) -> None:
    """The trace has no header that separates the lines, so what it says is not certain."""
    other = "2031-05-06 07:08:09 INFO [access] GET /"
    lines = TRACES[name]

    entries = entries_of(*[("a", line) for part in lines for line in (part, other)])

    (trace,) = [entry for entry in entries if entry.text != other]
    assert [line for line in trace.text.split("\n") if line] == [line for line in lines if line]
    assert trace.is_interleaved or name == "python"


def test_two_failures_without_a_trace_stay_two_entries() -> None:
    """A line that announces a trace is no part of the message of the one before."""
    lines = ["ValueError: bad price", "KeyError: no key", '  File "/app/a.py", line 1, in f']

    assert assembled(*[("a", line) for line in lines]) == [lines[0], f"{lines[1]}\n{lines[2]}"]


def test_lines_after_an_announced_trace_that_never_comes_are_entries_of_their_own() -> None:
    """They are held for a moment, in their order."""
    lines = ["ERROR no Exception was written", "one", "two", "2031-05-06 07:08:09 INFO three"]

    assert assembled(*[("a", line) for line in lines]) == lines


def test_python_trace_ends_with_its_exception_however_it_is_indented() -> None:
    """Whoever pasted or shipped it may have changed the spaces; the next failure is not a part of it."""
    trace = ["Traceback (most recent call last):", '   File "/app/a.py", line 1, in f', "\tg()", " KeyError: 'x'"]
    lines = ["2031-05-06 07:08:09 ERROR [app] request failed", *trace]

    assert assembled(*[("a", line) for line in lines * 2]) == ["\n".join(lines)] * 2


def test_trace_with_a_header_of_its_own_belongs_to_the_error_right_before_it() -> None:
    """Another logger of the process may write it."""
    trace = ["Traceback (most recent call last):", '  File "/app/a.py", line 1, in f', "    g()", "KeyError: 'x'"]
    lines = [
        "2031-05-06 07:08:09 ERROR [app] failed",
        *(f"2031-05-06 07:08:09 TRACE shop.api {line}" for line in trace),
    ]

    assert assembled(*[("a", line) for line in lines]) == ["\n".join(lines)]


def test_part_that_another_threads_line_may_have_brought_is_marked():
    """Whoever has a text logged while a trace is written may give that frames: it is no sure trace of the service."""
    header = "2031-05-06 07:08:09 "
    lines = [
        f"{header}ERROR [t-2] request failed",
        "Traceback (most recent call last):",
        '  File "/app/a.py", line 1, in f',
        f"{header}INFO [t-1] searched for x",
        '  File "/app/pricing.py", line 6, in share',
        "ZeroDivisionError: division by zero",
    ]

    assert [entry.is_interleaved for entry in entries_of(*(("a", line) for line in lines))] == [True, False]
