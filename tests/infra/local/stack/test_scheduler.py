"""The scheduler: which minutes a schedule includes, and that its functions are called then."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.stack.scheduler import Scheduler, is_due, read, schedules

# A Saturday.
MOMENT = datetime(2026, 1, 31, 8, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("* * * * *", True),
        ("30 8 31 1 6", True),
        ("*/15 * * * *", True),
        ("*/7 * * * *", False),
        ("0-30/10,59 8-10 * * *", True),
        ("5/25 * * * *", True),
        ("31 * * * *", False),
        ("* 9 * * *", False),
        ("* * 30 * *", False),
        ("* * * 2 *", False),
        ("* * * * 1-5", False),
        ("* * 1 * 6", True),
        ("* * 31 * 0", True),
        ("* * 1 * 7", False),
    ],
)
def test_schedule_includes_its_minutes_only(schedule: str, expected: bool) -> None:
    """Fields, ranges, lists and steps are read as unix does."""
    assert is_due(read(schedule), MOMENT) is expected


def test_sunday_has_two_numbers() -> None:
    """0 and 7 are the same day."""
    days = [MOMENT + timedelta(days=day) for day in range(7)]

    due = {number: [is_due(read(f"* * * * {number}"), day) for day in days] for number in (0, 7)}

    assert due[0] == due[7] == [False, True, False, False, False, False, False]


def test_schedule_that_never_comes_is_never_due() -> None:
    """Nothing waits for it."""
    assert not is_due(read("0 0 30 2 1-7"), MOMENT)


@pytest.mark.parametrize(
    "schedule", ["", "* * * *", "60 * * * *", "5-1 * * * *", "a * * * *", "* * 0 * *", "*/0 * * * *", "0 * * * * *"]
)
def test_malformed_schedule_is_refused(schedule: str) -> None:
    """A mistake is an error at the start, not a call that never comes."""
    with pytest.raises(ValueError, match=r"."):
        read(schedule)


def test_every_schedule_of_the_functions_is_readable() -> None:
    """The schedules in the function.yaml files are valid; the sweeper is called each minute."""
    by_function = schedules()

    assert by_function["incident_sweeper"] == "* * * * *"
    assert all(read(schedule) for schedule in by_function.values())


def test_due_functions_are_called_and_logged(tmp_path: Path) -> None:
    """Only due functions get a POST; one that is down gets a line in the log too."""
    with HookSandbox(tmp_path / "calls") as hook:
        urls = {"now": hook.url, "later": hook.url, "down": "http://127.0.0.1:9"}
        scheduler = Scheduler({"now": "* * * * *", "later": "0 0 * * *", "down": "30 8 * * *"}, urls, tmp_path / "log")
        for thread in scheduler.tick(MOMENT):
            thread.join()

    lines = sorted((tmp_path / "log").read_text().splitlines())
    assert len(list((tmp_path / "calls").glob("*.json"))) == 1
    assert [line.split()[:3] for line in lines] == [
        ["2026-01-31T08:30:00Z", "down", "no"],
        ["2026-01-31T08:30:00Z", "now", "200"],
    ]


def test_scheduler_stops_at_once(tmp_path: Path) -> None:
    """Leaving does not wait for the next minute."""
    began = datetime.now(UTC)

    with Scheduler({}, {}, tmp_path / "log"):
        pass

    assert (datetime.now(UTC) - began).total_seconds() < 30
