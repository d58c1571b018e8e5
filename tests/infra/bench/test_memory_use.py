"""The measurement of memory measures the function's own processes, under the load it names."""

from collections.abc import Mapping
from typing import Any

from infra.bench import memory_use
from infra.bench.memory_use import Peak
from tests.builders import an_alert


def test_a_function_is_measured_while_it_answers() -> None:
    """The master and its worker are interpreters of their own, with Flask loaded."""
    peak = memory_use.measure("code_host_webhook", "usual", 2, {})

    assert sum(peak.statuses.values()) == 2
    assert 2 * 20 < peak.peak_mb < 500


def test_the_worst_log_has_lines_of_six_kilobytes_over_the_whole_window() -> None:
    """No two are alike, so that nothing is counted as a repetition."""
    body: Mapping[str, Any] = {"alert": an_alert().model_dump(mode="json")}

    (stream,) = memory_use.streams(50, memory_use.WORST_FRAMES, body)

    texts = [text for _, text in stream["values"]]
    times = [int(nanoseconds) / 1e9 for nanoseconds, _ in stream["values"]]
    assert len({text[:1000] for text in texts}) == 50
    assert min(map(len, texts)) > 5_500
    assert an_alert().start.timestamp() <= times[0] < times[-1] < an_alert().end.timestamp()


def test_the_table_names_every_load_and_its_answers() -> None:
    """A function that only refused is recognised by its statuses."""
    rows = memory_use.table([Peak("rca", "usual", 4, 96, {200: 3, 503: 1})]).splitlines()

    assert rows[-1] == "| `rca` | usual | 4 | 96 | 3 of 200, 1 of 503 |"
