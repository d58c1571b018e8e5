"""Lines that have no part in a trace."""

import time

import pytest

from shared.analysis.logs.lines.plain_lines import is_plain
from shared.analysis.logs.lines.prefixes import header_end, is_frame

HEADER = "2031-05-06 07:08:09 INFO [req-7] "
FRAMES = [
    'File "/app/a.py", line 1, in f',
    "Traceback (most recent call last):",
    "+ Exception Group Traceback (most recent call last):",
    "at com.shop.Cart.total(Cart.java:41)",
    "at async total (/app/a.js:1:2)",
    "at file:///app/a.js:1:2",
    "from app/models/cart.rb:17:in `total'",
    "config.ru:3:in `<main>'",
    "#1 /var/www/a.php(3): f()",
    "#2 {main}",
    "goroutine 1 [running]:",
    "/app/cart.go:17 +0x1d",
    "/usr/local/go/src/runtime/asm_amd64.s:1598",
    "3: 0x55d0 - shop::total",
    "3:   0x55d0 - total",
    "1: shop::cart::total",
    "(shop 0.1.0) lib/shop/cart.ex:17: Shop.Cart.total/1",
    "in function shop:total/1 (src/shop.erl, line 17)",
    "in call from shop:main/0 (src/shop.erl, line 3)",
    "** {badarith,[{shop,total,1,[{file,",
]


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize("before", ["", HEADER, f"{HEADER}shop.cart:", "INFO:"])
def test_line_with_a_frame_is_not_plain_wherever_the_frame_starts(before: str, frame: str) -> None:
    """A logger, or a shipper, may write anything before it."""
    assert is_frame(frame)
    assert not is_plain(before + frame, header_end(before))


@pytest.mark.parametrize(
    "words",
    [
        "Error: no price",
        "caused an exception",
        "panic: no price",
        "/app/a.js:17",
        "shop.cart:",
        "17",
        "",
        "two\nlines",
        "x" * 1_001,
    ],
)
def test_line_that_may_announce_or_follow_is_not_plain(words: str) -> None:
    """Nor is one of which nothing is left after a prefix."""
    assert not is_plain(HEADER + words, len(HEADER))


@pytest.mark.parametrize(
    "words",
    ["order placed in 7 ms", "order #17 placed at 7", "shop::cart loaded", "GET /orders/7 200", "Übung läuft um 7"],
)
def test_ordinary_line_is_plain(words: str) -> None:
    """Also one with a word that some frames hold."""
    assert is_plain(HEADER + words, len(HEADER))
    assert is_plain(words, 0)


@pytest.mark.parametrize("text", ["at " * 300, "1: a:" * 190, "#1" * 490, "at a/" * 190, "1: " + " " * 900, "::" * 490])
def test_hostile_line_is_read_in_little_time(text: str) -> None:
    """Whoever can write a line may write it."""
    started = time.process_time()
    for _ in range(1_000):
        is_plain(text + "!", 0)
    assert time.process_time() - started < 5
