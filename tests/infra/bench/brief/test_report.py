"""The results become one table, each ratio of one run."""

from typing import Any

from infra.bench.brief.report import table


def result(early_s: float | None, full_s: float, calls: int) -> dict[str, Any]:
    """One incident."""
    usage = {"calls": calls, "in_series": 3, "path_s": 3.0, "tokens_in": 900, "tokens_out": 100, "usd": 0.02}
    times = {"accepted_s": 0.5, "early_s": early_s, "full_s": full_s, "own_s": full_s - 3.0}
    return {**times, "usage": usage, "steps_s": {"read": 0.25}}


OURS, REFERENCE = result(1.0, 4.0, 5), result(None, 16.0, 15)
ROW = {"ours": OURS, "reference": REFERENCE, "unwoken": result(3.0, 8.0, 5)}


def lines_of(part: str, key: str) -> list[str]:
    """Return the rows of a table with one result."""
    return table({part: {"measured_at": "2026-11-28", "rows": {key: ROW}}}).splitlines()[4:]


def test_early_and_full_brief_stand_beside_the_only_one_of_the_reference() -> None:
    """The ratio is ours over its."""
    lines = lines_of("warm", "1")

    assert "| warm, model 1 s: early brief | 1.00 s | 16.00 s | 0.06 | ≤ 0.08 x |" in lines
    assert "| warm, model 1 s: full brief | 4.00 s | 16.00 s | 0.25 | ≤ 0.30 x |" in lines


def test_own_work_of_each_step_stands_where_the_model_takes_no_time() -> None:
    """With a slow model the same would be repeated."""
    assert "| warm, model 0 s: own work of step `read` | 0.25 s |  |  |  |" in lines_of("warm", "0")
    assert not [line for line in lines_of("warm", "1") if "step" in line]


def test_cold_rows_say_what_waking_saves() -> None:
    """Beside the briefs stands how long they take when nothing is woken."""
    lines = lines_of("cold", "1 2")

    assert "| cold, model 1 s, platform 2 s: full brief from the post | 4.50 s | 16.50 s | 0.27 |  |" in lines
    assert lines[-1].endswith("with WAKE_FUNCTIONS=false | 3.00 s, 8.00 s |  |  |  |")


def test_volume_rows_count_calls_tokens_and_dollars() -> None:
    """Per incident."""
    lines = lines_of("volume", "1000")

    assert lines[0] == "| 1,000 log lines: model calls | 5, 3 in series | 15, 3 in series | 0.33 | ≤ 6, ≤ 3 in series |"
    assert lines[1:] == [
        "| 1,000 log lines: tokens | 1,000 | 1,000 | 1.00 |  |",
        "| 1,000 log lines: USD | 0.0200 | 0.0200 | 1.00 |  |",
    ]


def test_table_holds_only_what_was_measured() -> None:
    """Parts are measured one by one."""
    assert "cold," not in "".join(lines_of("warm", "1"))
