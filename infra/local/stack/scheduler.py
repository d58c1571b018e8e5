"""Calls each scheduled function as Cloud Scheduler would: with a POST at each minute of its schedule."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
import yaml

from infra import bundle
from shared import clock

CALL_TIMEOUT_S = 1800.0
"""Cloud Scheduler's maximum attempt deadline."""

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
"""Bounds of minute, hour, day of the month, month, day of the week."""


class Scheduler:
    """
    While entered, calls `urls` (function → URL) at the minutes of `schedules` (function → unix-cron, UTC).

    Each call has its own thread and one line in `log`. A call still running at exit ends by its timeout.
    """

    def __init__(self, schedules: Mapping[str, str], urls: Mapping[str, str], log: Path) -> None:
        self._schedules = {name: read(schedule) for name, schedule in schedules.items()}
        self._urls = urls
        self._log = log
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.wait(_seconds_to_next_minute(clock.now())):
            self.tick(clock.now())

    def tick(self, moment: datetime) -> list[threading.Thread]:
        """Start the calls of this minute; return their threads."""
        due = [name for name, schedule in self._schedules.items() if is_due(schedule, moment)]
        threads = [threading.Thread(target=self._call, args=(name, moment), daemon=True) for name in due]
        for thread in threads:
            thread.start()
        return threads

    def _call(self, name: str, moment: datetime) -> None:
        try:
            reply = requests.post(self._urls[name], json={}, timeout=CALL_TIMEOUT_S)
            result = f"{reply.status_code} {reply.text.strip()[:500]}"
        except requests.RequestException as error:
            result = f"no answer: {type(error).__name__}"
        with self._log.open("a", encoding="utf-8") as lines:
            lines.write(f"{moment:%Y-%m-%dT%H:%M:%SZ} {name} {result}\n")


def schedules() -> dict[str, str]:
    """Return the schedule of each function whose function.yaml has one."""
    manifests = {name: bundle.FUNCTIONS / name / "function.yaml" for name in bundle.names()}
    read_all = {name: yaml.safe_load(path.read_text(encoding="utf-8")) for name, path in manifests.items()}
    return {name: manifest["schedule"] for name, manifest in read_all.items() if manifest.get("schedule")}


def read(schedule: str) -> tuple[frozenset[int], ...]:
    """
    Return the values of each of the five fields; numbers, `*`, ranges, lists and steps are read; Sunday is 0.

    Raises ValueError for anything else. Source: https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules
    """
    fields = schedule.split()
    if len(fields) != len(_BOUNDS):
        raise ValueError(f"{schedule!r} does not have five fields")
    *others, weekdays = (_values(text, *bounds) for text, bounds in zip(fields, _BOUNDS, strict=True))
    return (*others, frozenset(day % 7 for day in weekdays))


def is_due(schedule: tuple[frozenset[int], ...], moment: datetime) -> bool:
    """Return whether the schedule includes this minute; of two restricted day fields either is enough, as in unix."""
    minutes, hours, days, months, weekdays = schedule
    in_month, in_week = moment.day in days, moment.isoweekday() % 7 in weekdays
    is_either = len(days) < 31 and len(weekdays) < 7
    is_day = in_month or in_week if is_either else in_month and in_week
    return moment.minute in minutes and moment.hour in hours and moment.month in months and is_day


def _values(field: str, first: int, last: int) -> frozenset[int]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        low, _, high = (f"{first}-{last}" if span == "*" else span).partition("-")
        start, end = int(low), int(high or (last if step else low))
        if not first <= start <= end <= last:
            raise ValueError(f"{part!r} is not within {first}-{last}")
        values |= set(range(start, end + 1, int(step or 1)))
    return frozenset(values)


def _seconds_to_next_minute(moment: datetime) -> float:
    following = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return (following - moment).total_seconds()
