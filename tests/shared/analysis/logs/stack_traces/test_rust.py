"""Rust panics from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import rust

PANIC = """thread 'worker' panicked at src/cart.rs:191:64:
called `Result::unwrap()` on an `Err` value: Empty
stack backtrace:
   0: rust_begin_unwind
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/std/src/panicking.rs:665:5
   1: core::result::unwrap_failed
             at /rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library/core/src/result.rs:1679:5
   2: shop::cart::total::{{closure}}
             at ./src/cart.rs:191:64
   3: <tokio::task::Task as core::future::Future>::poll
             at /usr/local/cargo/registry/src/index.crates.io-6f17d22bba15001f/tokio-1.35.1/src/task.rs:22:9
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace."""


def test_panic_is_at_its_place_and_not_in_the_runtime_that_reports_it() -> None:
    """Frames of the toolchain and of crates are not own code, and a closure is named by its function."""
    (trace,) = stack_traces.parse(PANIC)

    assert (trace.language, trace.raised.type) == ("rust", "panic")
    assert trace.raised.message == "called `Result::unwrap()` on an `Err` value: Empty"
    assert [(one.path, one.line, one.function) for one in trace.raised.frames if one.in_app] == [
        ("src/cart.rs", 191, "shop::cart::total")
    ]
    assert trace.raised.frames[-1].path == "src/cart.rs"


@pytest.mark.parametrize(
    "text",
    [
        "thread 'main' panicked at 'no price', src/cart.rs:4:5\nnote: run with `RUST_BACKTRACE=1`",
        "thread 'main' panicked at src/cart.rs:4:5:\nno price\nnote: run with `RUST_BACKTRACE=1`",
    ],
)
def test_panic_without_a_backtrace_has_its_place_as_its_frame(text: str) -> None:
    """Both orders of message and place are read."""
    (trace,) = rust.parse(text)

    assert trace.raised.message == "no price"
    assert [(one.path, one.line, one.in_app) for one in trace.raised.frames] == [("src/cart.rs", 4, True)]


R = "/rustc/9fc6b43126469e3858e2fe86cafb4f0fd5068869/library"
SHAPES = [
    (
        (
            "Error: cannot open the basket\n\nCaused by:\n    0: could not read prices\n"
            "    1: No such file\n\nStack backtrace:\n"
            "   0: anyhow::error::from\n"
            "             at /home/ada/.cargo/registry/src/index/anyhow-1.0.75/src/error.rs:565:25\n"
            "   1: shop::prices::read\n             at ./src/prices.rs:31:16"
        ),
        "Error",
        "cannot open the basket: could not read prices: No such file",
        ("src/prices.rs", 31),
    ),
    (
        (
            "thread 'main' (4711) panicked at src/ledger.rs:77:5:\n"
            "assertion `left == right` failed: books\n  left: 3\n right: 4\n"
            f"stack backtrace:\n   0: core::panicking::assert_failed\n             at {R}/core/src/panicking.rs:279:5\n"
            "   1: shop::ledger::close\n             at ./src/ledger.rs:77:5"
        ),
        "panic",
        "assertion `left == right` failed: books left: 3 right: 4",
        ("src/ledger.rs", 77),
    ),
    (
        (
            "thread 'main' panicked at 'assertion failed: `(left == right)`\n  left: `3`,\n"
            " right: `4`', src/ledger.rs:77:5"
        ),
        "panic",
        "assertion failed: `(left == right)` left: `3`, right: `4`",
        ("src/ledger.rs", 77),
    ),
    (
        (
            "thread 'main' panicked at library/core/src/slice/index.rs:92:5:\n"
            "range end index 9 out of range\nstack backtrace:\n"
            f"   2: core::slice::index::fail\n             at {R}/core/src/slice/index.rs:92:5\n"
            "   3: shop::parser::head\n             at ./src/parser.rs:55:20"
        ),
        "panic",
        "range end index 9 out of range",
        ("src/parser.rs", 55),
    ),
    (
        (
            "thread 'a' panicked at src/cart.rs:17:22:\nout of bounds\nstack backtrace:\n"
            "   3:     0x55d0f7a1b2c3 - shop::cart::sum::h89abcdef01234567\n"
            "                               at /build/src/cart.rs:17:22\n   5:     0x7f3c2a1d0d90 - <unknown>"
        ),
        "panic",
        "out of bounds",
        ("/build/src/cart.rs", 17),
    ),
    (
        (
            "thread 'main' panicked at src\\basket.rs:41:9:\nexplicit panic\nstack backtrace:\n"
            "   2: shop::basket::total\n"
            "             at .\\src\\basket.rs:41"
        ),
        "panic",
        "explicit panic",
        ("src/basket.rs", 41),
    ),
    ("thread 'main' panicked at 'no stock': src/stock.rs:44\n", "panic", "no stock", ("src/stock.rs", 44)),
    (
        (
            "The application panicked (crashed).\nMessage:  no price\nLocation: src/basket.rs:41\n\n"
            "  ━━━ BACKTRACE ━━━\n"
            "   7: shop::basket::total::h4a5b6c7d8e9f0a1b\n      at /home/build/src/basket.rs:41"
        ),
        "panic",
        "no price",
        ("/home/build/src/basket.rs", 41),
    ),
]


@pytest.mark.parametrize(("text", "type_", "message", "place"), SHAPES)
def test_error_and_panic_of_each_shape_are_read(text: str, type_: str, message: str, place: tuple[str, int]) -> None:
    """Causes of anyhow, messages of several lines, thread ids, panics in the library, full backtraces, color-eyre."""
    (trace,) = stack_traces.parse(text)

    deepest = next(one for one in reversed(trace.raised.frames) if one.in_app)
    assert (trace.language, trace.raised.type, trace.raised.message) == ("rust", type_, message)
    assert (deepest.path, deepest.line) == place
