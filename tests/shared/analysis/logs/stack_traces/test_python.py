"""Python tracebacks as they are found in logs."""

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

    (found,) = python.parse(text)

    assert (found.raised.type, found.raised.message) == ("shop.errors.Empty", "no items: none")
    assert [(one.path, one.line, one.function, one.code) for one in found.raised.frames] == [
        ("/app/main.py", 3, "main", "call()"),
        ("/app/cart.py", 8, "total", "call()"),
    ]


def test_libraries_and_the_standard_library_are_not_own_code():
    """Only the service's own frames are in_app, wherever the interpreter lives."""
    text = trace(
        "/usr/local/lib/python3.11/threading.py:9 run",
        "/srv/env/lib/python3.9/site-packages/django/core/x.py:1 get",
        "/srv/shop/cart.py:8 total",
        "<frozen importlib._bootstrap>:1 _find",
        raised="KeyError: 'a'",
    )

    (found,) = python.parse(text)

    assert [one.path for one in found.raised.frames if one.in_app] == ["/srv/shop/cart.py"]


def test_service_installed_as_a_package_is_own_code():
    """A frame in site-packages is own code when the package is the service itself."""
    text = trace("/usr/lib/python3.12/site-packages/shop_api/cart.py:8 total", raised="KeyError: 'a'")

    (found,) = python.parse(text, ("shop-api",))

    assert found.raised.has_app_frame


def test_exception_raised_while_handling_another_is_the_one_nobody_handled():
    """ "During handling" chooses the last exception and keeps the handled one beside it."""
    text = (
        trace("/app/a.py:1 get", raised="KeyError: 'x'") + CONTEXT + trace("/app/b.py:2 fall", raised="TypeError: no")
    )

    (found,) = python.parse(text)

    assert found.raised.type == "TypeError"
    assert [str(one) for one in found.others] == ["KeyError: 'x'"]


def test_handled_exception_is_chosen_when_only_it_has_own_code():
    """A library failing in its own error handling hides nothing of the service's code."""
    text = trace("/app/a.py:1 get", raised="KeyError: 'x'") + CONTEXT
    text += trace("/usr/lib/python3.11/site-packages/lib/b.py:2 fall", raised="TypeError: no")

    (found,) = python.parse(text)

    assert found.raised.type == "KeyError"


def test_direct_cause_is_chosen_over_its_wrapper():
    """`raise A from B` names B as the reason, so B explains."""
    text = (
        trace("/app/db.py:5 read", raised="OSError: disk")
        + CAUSE
        + trace("/app/api.py:9 get", raised="StoreError: failed")
    )

    (found,) = python.parse(text)

    assert found.raised.type == "OSError"
    assert [str(one) for one in found.others] == ["StoreError: failed"]


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

    (found,) = python.parse(text)

    assert (found.raised.type, found.raised.frames[-1].path) == ("KeyError", "/app/job.py")
    assert [one.type for one in found.others] == ["ExceptionGroup", "TimeoutError"]


def test_syntax_error_names_the_broken_file():
    """A SyntaxError's last frame has a place but no function."""
    text = f"""{HEADER}
  File "/app/run.py", line 1, in <module>
    import broken
  File "/app/broken.py", line 3
    def f(:
          ^
SyntaxError: invalid syntax"""

    (found,) = python.parse(text)

    assert (found.raised.type, found.raised.frames[-1].path) == ("SyntaxError", "/app/broken.py")


def test_prefix_repeated_on_each_line_is_read_over():
    """oslo.log leads every line of a traceback with its own header."""
    lines = trace("/app/a.py:1 get", raised="KeyError: 'x'").split("\n")
    text = "\n".join(f"2031-05-06 07:08:{index:02} TRACE shop.api {line}" for index, line in enumerate(lines))

    (found,) = python.parse(text)

    assert (str(found.raised), found.raised.frames[0].path) == ("KeyError: 'x'", "/app/a.py")


def test_traces_after_one_another_are_kept_apart():
    """Two tracebacks without a connecting sentence are two."""
    text = trace("/app/a.py:1 get", raised="KeyError: 'x'") + "\n" + trace("/app/b.py:2 put", raised="ValueError: y")

    assert [one.raised.type for one in python.parse(text)] == ["KeyError", "ValueError"]


def test_trace_cut_before_its_exception_is_kept_as_unknown():
    """A truncated traceback still tells where."""
    (found,) = python.parse(trace("/app/a.py:1 get", raised=""))

    assert (found.raised.type, found.raised.frames[0].path) == ("unknown", "/app/a.py")


def test_endless_recursion_keeps_both_ends():
    """Of a thousand frames the first and the last stay, within the contract's bound."""
    text = trace("/app/first.py:1 a", *["/app/r.py:2 again"] * 1000, "/app/last.py:3 z", raised="RecursionError: deep")

    frames = python.parse(text)[0].raised.frames

    assert (len(frames), frames[0].path, frames[-1].path) == (40, "/app/first.py", "/app/last.py")
