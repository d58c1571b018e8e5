"""Calls each scheduled function as Cloud Scheduler would: with a POST at each minute of its schedule."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
import yaml
from cronsim import CronSim, CronSimError

from infra import bundle
from shared import clock

CALL_TIMEOUT_S = 1800.0
"""Cloud Scheduler's maximum attempt deadline."""

FIELDS = 5
"""Minute, hour, day of the month, month, day of the week."""


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


def read(schedule: str) -> str:
    """
    Return the schedule, once it is known to be one.

    Raises ValueError for what is no unix-cron of five fields; a sixth would be seconds, which Cloud Scheduler lacks.
    Source: https://cloud.google.com/scheduler/docs/configuring/cron-job-schedules
    """
    if len(schedule.split()) != FIELDS:
        raise ValueError(f"{schedule!r} does not have five fields")
    try:
        CronSim(schedule, clock.now())
    except CronSimError as error:
        raise ValueError(f"{schedule!r} is no schedule: {error}") from error
    return schedule


def is_due(schedule: str, moment: datetime) -> bool:
    """Return whether the schedule includes this minute; of two restricted day fields either is enough, as in unix."""
    minute = moment.replace(second=0, microsecond=0)
    return next(CronSim(schedule, minute - timedelta(seconds=1)), None) == minute


def _seconds_to_next_minute(moment: datetime) -> float:
    following = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    return (following - moment).total_seconds()
