"""
Runs one pod of a scenario's service in this process, on a virtual clock, and prints its log entries and answers.

Started by `traffic.py` as `python -I drive.py`, with the job as JSON on stdin; as `python -I drive.py live` it takes
further requests, a line of JSON each, and answers each line with one. The service is real code; only the time is
simulated: `time.time`, `time.monotonic` and `time.sleep` use a clock that jumps from request to request, so half an
hour of traffic takes a second. It imports nothing of this project.
"""

import json
import pkgutil
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

READING_NS = 40_000  # The service works for a while between two readings of the clock.


class Clock:
    """The time that the service sees, in nanoseconds since 1970."""

    def __init__(self, now_ns: int) -> None:
        self.now_ns = now_ns

    def read_ns(self) -> int:
        """Return the time, a little later at each reading."""
        self.now_ns += READING_NS
        return self.now_ns

    def read_s(self) -> float:
        """Return the time in seconds."""
        return self.read_ns() / 1e9

    def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self.now_ns += round(seconds * 1e9)

    def jump_to(self, at_ns: int) -> None:
        """Advance to a time; a service that is still busy then gets the request late."""
        self.now_ns = max(self.now_ns, at_ns)

    def install(self) -> None:
        """Replace the clock of this process."""
        time.time, time.monotonic, time.perf_counter = self.read_s, self.read_s, self.read_s
        time.time_ns, time.monotonic_ns, time.perf_counter_ns = self.read_ns, self.read_ns, self.read_ns
        time.sleep = self.sleep  # type: ignore[assignment]  # typeshed takes SupportsIndex too


class LineCollector:
    """Replaces stdout and acts as a log agent: one entry per write, with the time of reading."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.entries: list[tuple[int, str]] = []

    def write(self, text: str) -> int:
        """Store one entry."""
        if text.strip():
            self.entries.append((self._clock.read_ns(), text.rstrip("\n")))
        return len(text)

    def flush(self) -> None:
        """Do nothing: entries are stored at once."""


def resident_bytes() -> int:
    """Return the resident memory of this process in bytes; its peak where the system reports only that."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(source: TextIO, target: TextIO, *, is_live: bool = False) -> None:
    """
    Run the job: import the service from its root, send it each request at its time, print entries and answers.

    `is_live` goes on with the requests of further lines until there are no more.
    """
    job = json.loads(source.readline()) if is_live else json.load(source)
    clock = Clock(job["start_ns"])
    collector = LineCollector(clock)
    sys.stdout = collector
    clock.install()
    random.seed(job["seed"])
    sys.dont_write_bytecode = True
    sys.path.insert(0, job["root"])
    app = pkgutil.resolve_name(job["app"])()
    _answer(app, clock, collector, job["requests"], target)
    for line in source if is_live else ():
        _answer(app, clock, collector, json.loads(line)["requests"], target)


def _answer(app: Any, clock: Clock, collector: LineCollector, requests: list[Any], target: TextIO) -> None:
    """Send requests, each at its time, and print what came of them in a line."""
    answers = []
    for at_ns, request in requests:
        clock.jump_to(at_ns)
        began_ns = clock.now_ns
        status = app.handle(request)["status"]
        answers.append((clock.now_ns, request["path"], status, (clock.now_ns - began_ns) / 1e9, resident_bytes()))
    print(json.dumps({"entries": collector.entries, "answers": answers}), file=target, flush=True)
    collector.entries.clear()


if __name__ == "__main__":
    main(sys.stdin, sys.stdout, is_live=sys.argv[1:] == ["live"])
