"""One pass over a log."""

import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

from shared.analysis.logs.digest import digest
from shared.telemetry.port import LogLine
from tests.builders import NOW

LABELS = {"service_name": "shop", "pod": "a"}
TRACE = 'Traceback (most recent call last):\n  File "/app/{0}.py", line {1}, in {0}\n    go()\nKeyError: {1}'


def lines(*texts: str) -> Iterator[LogLine]:
    """Yield one line a second."""
    for number, text in enumerate(texts):
        yield LogLine(NOW + timedelta(seconds=number), number, text, LABELS)


def test_entries_are_counted_by_level_with_their_times() -> None:
    """Lines are what the store has; entries are what the service wrote, a trace of four lines as one."""
    result = digest(lines("WARN b", "INFO a", *TRACE.format("cart", 1).split("\n"), "CRITICAL c"), ())

    assert (result.lines, len(result.times), result.warnings) == (7, 4, 1)
    assert [time for time, _ in result.errors.items()] == [NOW + timedelta(seconds=2), NOW + timedelta(seconds=6)]
    assert result.has_fatal
    assert (result.first.text if result.first else "", result.end) == ("WARN b", NOW + timedelta(seconds=6))


def test_requests_are_sampled_of_lines_that_report_an_error() -> None:
    """Also where a trace's or a JSON line's own text does not repeat the id."""
    ordinary = [f"INFO trace_id={n:016x} served" for n in range(50)]
    failed = '{"level":"error","msg":"boom","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}'

    assert len(digest(lines(*ordinary, failed), ()).failed_requests.digests) == 1
    assert digest(lines(*ordinary), ()).failed_requests.digests == []


def test_no_line_gives_an_empty_digest() -> None:
    """A silent service has no first entry and no end."""
    result = digest((), ())

    assert (result.lines, result.first, result.end, result.groups.lines) == (0, None, None, [])


def test_texts_are_not_held() -> None:
    """Megabytes of lines and of traces pass through in a fraction of their size."""
    texts = (
        f"INFO served order {n}" + " and so on" * 50 if n % 2 else TRACE.format("cart", n) + " and so on" * 50
        for n in range(4_000)
    )
    tracemalloc.start()

    result = digest((LogLine(NOW + timedelta(seconds=n), n, text, LABELS) for n, text in enumerate(texts)), ())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert result.lines == 4_000
    assert peak < 2_000_000
