"""Python tracebacks from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import python

HEADER = "Traceback (most recent call last):"
CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n"
CAUSE = "\nThe above exception was the direct cause of the following exception:\n"


def trace(*frames: str, raised: str) -> str:
    """Write a traceback: frames as `path:line function`."""
    lines = [HEADER]
    for frame in frames:
        place, _, function = frame.partition(" ")
        path, _, line = place.rpartition(":")
        lines += [f'  File "{path}", line {line}, in {function}', "    call()"]
    return "\n".join([*lines, raised])


def test_frames_are_read_outermost_first_with_their_source():
    """A plain traceback gives type, message and frames in calling order."""
    text = trace("/app/main.py:3 main", "/app/cart.py:8 total", raised="shop.errors.Empty: no items: none")

    (traceback,) = python.parse(text)

    assert (traceback.raised.type, traceback.raised.message) == ("shop.errors.Empty", "no items: none")
    assert [(one.path, one.line, one.function, one.code) for one in traceback.raised.frames] == [
        ("/app/main.py", 3, "main", "call()"),
        ("/app/cart.py", 8, "total", "call()"),
    ]


def test_libraries_and_the_standard_library_are_not_own_code():
    """Only the service's own frames are in_app, wherever the interpreter is installed."""
    text = trace(
        "/usr/local/lib/python3.11/threading.py:9 run",
        "/srv/env/lib/python3.9/site-packages/django/core/x.py:1 get",
        "/srv/shop/cart.py:8 total",
        "<frozen importlib._bootstrap>:1 _find",
        raised="KeyError: 'a'",
    )

    (traceback,) = python.parse(text)

    assert [one.path for one in traceback.raised.frames if one.in_app] == ["/srv/shop/cart.py"]


def test_service_installed_as_a_package_is_own_code():
    """A frame in site-packages is own code when the package is the service itself."""
    text = trace("/usr/lib/python3.12/site-packages/shop_api/cart.py:8 total", raised="KeyError: 'a'")

    (traceback,) = python.parse(text, ("shop-api",))

    assert traceback.raised.has_app_frame


def test_exception_raised_while_handling_another_leads():
    """ "During handling": the last exception leads and the handled one is kept in `others`."""
    text = (
        trace("/app/a.py:1 get", raised="KeyError: 'x'") + CONTEXT + trace("/app/b.py:2 fall", raised="TypeError: no")
    )

    (traceback,) = python.parse(text)

    assert traceback.raised.type == "TypeError"
    assert [str(one) for one in traceback.others] == ["KeyError: 'x'"]


def test_handled_exception_leads_when_only_it_has_own_code():
    """A failure inside a library's error handling does not hide the service's code."""
    text = trace("/app/a.py:1 get", raised="KeyError: 'x'") + CONTEXT
    text += trace("/usr/lib/python3.11/site-packages/lib/b.py:2 fall", raised="TypeError: no")

    (traceback,) = python.parse(text)

    assert traceback.raised.type == "KeyError"


def test_direct_cause_leads_over_its_wrapper():
    """`raise A from B` names B as the cause."""
    text = (
        trace("/app/db.py:5 read", raised="OSError: disk")
        + CAUSE
        + trace("/app/api.py:9 get", raised="StoreError: failed")
    )

    (traceback,) = python.parse(text)

    assert traceback.raised.type == "OSError"
    assert [str(one) for one in traceback.others] == ["StoreError: failed"]


def test_exception_group_gives_the_member_with_own_code():
    """Of several exceptions raised together, the first through own code leads."""
    text = """  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 10, in <module>
  |     run()
  | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/usr/lib/python3.11/asyncio/tasks.py", line 1, in wait
    |     y()
    | TimeoutError: slow
    +---------------- 2 ----------------
    | Traceback (most recent call last):
    |   File "/app/job.py", line 3, in work
    |     order["k"]
    |     ~~~~~^^^^^
    | KeyError: 'k'
    +------------------------------------"""

    (traceback,) = python.parse(text)

    assert (traceback.raised.type, traceback.raised.frames[-1].path) == ("KeyError", "/app/job.py")
    assert [one.type for one in traceback.others] == ["ExceptionGroup", "TimeoutError"]


def test_syntax_error_names_the_broken_file():
    """The last frame of a SyntaxError has a line but no function."""
    text = f"""{HEADER}
  File "/app/run.py", line 1, in <module>
    import broken
  File "/app/broken.py", line 3
    def f(:
          ^
SyntaxError: invalid syntax"""

    (traceback,) = python.parse(text)

    assert (traceback.raised.type, traceback.raised.frames[-1].path) == ("SyntaxError", "/app/broken.py")


def test_prefix_repeated_on_each_line_is_ignored():
    """oslo.log puts its header before every line of a traceback."""
    lines = trace("/app/a.py:1 get", raised="KeyError: 'x'").split("\n")
    text = "\n".join(f"2031-05-06 07:08:{index:02} TRACE shop.api {line}" for index, line in enumerate(lines))

    (traceback,) = python.parse(text)

    assert (str(traceback.raised), traceback.raised.frames[0].path) == ("KeyError: 'x'", "/app/a.py")


def test_consecutive_tracebacks_stay_separate():
    """Two tracebacks without a connecting sentence are two failures."""
    text = trace("/app/a.py:1 get", raised="KeyError: 'x'") + "\n" + trace("/app/b.py:2 put", raised="ValueError: y")

    assert [one.raised.type for one in python.parse(text)] == ["KeyError", "ValueError"]


def test_truncated_traceback_is_kept_with_an_unknown_type():
    """A traceback that ends before its exception still says where it failed."""
    (traceback,) = python.parse(trace("/app/a.py:1 get", raised=""))

    assert (traceback.raised.type, traceback.raised.frames[0].path) == ("exception", "/app/a.py")


def test_endless_recursion_keeps_both_ends():
    """Of a thousand frames the first and the last are kept, within the contract's limit."""
    text = trace("/app/first.py:1 a", *["/app/r.py:2 again"] * 1000, "/app/last.py:3 z", raised="RecursionError: deep")

    frames = python.parse(text)[0].raised.frames

    assert (len(frames), frames[0].path, frames[-1].path) == (40, "/app/first.py", "/app/last.py")


FAULT = """Fatal Python error: Segmentation fault

Current thread 0x00007f2c3b4d5740 (most recent call first):
  File "/app/native.py", line 41 in call
  File "/app/main.py", line 9 in main

Thread 0x00007f2c3b4d5741 (most recent call first):
  File "/app/other.py", line 1 in wait"""
NESTED = """  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 30, in main
  |     raise group
  | ExceptionGroup: outer (1 sub-exception)
  +-+---------------- 1 ----------------
    | Exception Group Traceback (most recent call last):
    |   File "/app/fan.py", line 12, in gather
    |     async with TaskGroup() as group:
    | ExceptionGroup: inner (1 sub-exception)
    +-+---------------- 1 ----------------
      | Traceback (most recent call last):
      |   File "/app/stock.py", line 7, in take
      |     raise NoStock(7)
      | shop.NoStock: 7
      +------------------------------------"""
SHAPES: list[tuple[str, str, str, list[tuple[str, int | None]]]] = [
    (FAULT, "Fatal Python error", "Segmentation fault", [("/app/main.py", 9), ("/app/native.py", 41)]),
    (NESTED, "shop.NoStock", "7", [("/app/stock.py", 7)]),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_crash_of_each_shape_is_read(text: str, type_: str, message: str, own: list[tuple[str, int | None]]) -> None:
    """What faulthandler dumps of the thread that failed, and a group within a group."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("python", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
