"""What loggers and shippers repeat before each line of a trace."""

import time

import pytest

from shared.analysis.logs.lines.prefixes import header_end, tag, without_prefixes

TRACE = ["com.shop.NoPrice: item 7", "\tat com.shop.Cart.total(Cart.java:41)", "\tat com.shop.Main.main(Main.java:7)"]
PREFIXES = [
    "2031-05-06 07:08:09,123 ERROR [worker-3] shop.orders - ",
    "2031-05-06T07:08:09.123Z ERROR shop: ",
    "[2031-05-06T07:08:09.123Z] [error] [req-7] ",
    "[6b1d5c0e-8a51-4a0f-9c0d-2f1e7a9b3c44] ",
    "May  6 07:08:09 shop-host shop-api[123]: ",
    "2031-05-06 07:08:09.123 ERROR 1 --- [nio-8080-exec-3] o.a.c.C : ",
    "F, [2031-05-06T07:08:09.123456 #12] FATAL -- : [6b1d5c0e-8a51] ",
]


@pytest.mark.parametrize("prefix", PREFIXES)
def test_prefix_of_each_line_is_left_out(prefix: str) -> None:
    """Its numbers may differ from line to line."""
    lines = [prefix.replace("09", f"{9 + index:02}") + line for index, line in enumerate(TRACE)]

    assert [line.strip() for line in without_prefixes("\n".join(lines)).split("\n")] == [one.strip() for one in TRACE]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(TRACE),
        "ERROR failed\n" + "\n".join(TRACE),
        "ERROR failed at step(1)\nERROR failed at step(2)",
        "2031-05-06 07:08:09 ERROR one\n2031-05-06 07:08:09 ERROR two",
        "",
    ],
)
def test_text_without_a_repeated_prefix_stays_as_it_is(text: str) -> None:
    """Words before `at` are no logger's."""
    assert without_prefixes(text) == text


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("2031-05-06 07:08:09 ERROR [worker-3] x", "ERROR worker-3"),
        ("[6b1d5c0e-8a51] 2031/05/06 07:08:09 x", "6b1d5c0e-8a51"),
        ("F, [2031-05-06T07:08:09.1 #12] FATAL -- : [6b1d5c0e-8a51] x", "F #12 FATAL -- 6b1d5c0e-8a51"),
        ("[signal SIGSEGV: segmentation violation]", ""),
        ("[stacktrace]", ""),
        ("KeyError: 'x'", ""),
    ],
)
def test_tag_is_what_all_lines_of_a_thread_or_request_share(line: str, same: str) -> None:
    """Times differ; a line of a trace has none."""
    assert tag(line[: header_end(line)]) == same


@pytest.mark.parametrize(
    "line",
    ["[1]" * 300, "at " * 300, "---- " * 200, "1: a:" * 200, "a.b/" * 250, "2031-05-06 07:08:09 " * 50, "/a:" * 300],
)
def test_prefixes_are_looked_for_in_linear_time(line: str) -> None:
    """Whoever can write a line may write it."""
    started = time.process_time()
    without_prefixes("\n".join([line] * (200_000 // len(line))))
    assert time.process_time() - started < 5
