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

    assert (trace.language, trace.raised.type) == ("unknown", "panic")
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
