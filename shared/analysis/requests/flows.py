"""
The lines of one request over all services, in order: which service each step of it belongs to.

A caller's lines surround those of the service it calls. So a stack of services follows a request: a line of a service
that is on the stack is a return to it, a line of another one is a call.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.analysis.logs.drain import Cluster, Drain
from shared.analysis.logs.join_traces import RANK
from shared.analysis.logs.parse import LogEntry, read
from shared.analysis.logs.request_ids import request_id, without_ids
from shared.bounds import clip
from shared.telemetry.port import LogLine

HEAD_CHARS = 400
LOCATION_CHARS = 80
HEAD_WORDS = 8
"""A line says at its start what happened, and after it with which values, which may be long lists."""

What = tuple[str, str, str, int]
"""Service, level, place in the code and template of a line."""
_LOCATION = re.compile(r"(?<![\w/.])[A-Za-z_$][\w$./\[\]-]*[#:]\d{1,5}\b")
"""A class or file and its line, which loggers write before the message; numbers are no part of templates."""
How = Literal["first", "own", "call", "return"]


@dataclass(frozen=True, slots=True)
class Step:
    """
    One line of a request.

    `how` the request came to it: within a service, by a call of it, or back from one. `owner` is the service in whose
    time the `gap_s` seconds since the line before passed: the one that was called, on the way there and back.
    """

    entry: LogEntry
    what: What
    how: How
    owner: str
    gap_s: float
    caller: "Step | None"
    """The last line of the service that called this one."""

    @property
    def service(self) -> str:
        """The service that wrote the line."""
        return self.entry.service

    @property
    def is_error(self) -> bool:
        """Error or worse."""
        return RANK[self.entry.level] >= RANK["error"]


@dataclass(frozen=True)
class Request:
    """The steps of one request, oldest first, and who called whom in it."""

    steps: tuple[Step, ...]
    calls: frozenset[tuple[str, str]]


def requests_of(lines: Iterable[LogLine]) -> list[Request]:
    """Return the requests that the lines name, by when each began; lines without a request's id are left out."""
    entries: defaultdict[str, list[LogEntry]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.nanoseconds):
        if id_ := request_id(line.text, line.labels):
            entries[id_].append(read(line))
    drains: defaultdict[tuple[str, str], Drain] = defaultdict(Drain)
    with_clusters = {
        id_: [(entry, _cluster(entry, drains[entry.service, entry.level])) for entry in each]
        for id_, each in entries.items()
    }
    return sorted((_request(each) for each in with_clusters.values()), key=lambda one: one.steps[0].entry.at)


def _request(entries: Sequence[tuple[LogEntry, Cluster]]) -> Request:
    steps: list[Step] = []
    stack: list[str] = []
    calls: set[tuple[str, str]] = set()
    latest: dict[str, Step] = {}
    for entry, cluster in entries:
        how, owner = _follow(entry.service, stack, calls)
        gap_s = (entry.at - steps[-1].entry.at).total_seconds() if steps else 0.0
        caller = latest[stack[-2]] if len(stack) > 1 else None
        what = (entry.service, entry.level, _location(entry), cluster.root.key)
        latest[entry.service] = Step(entry, what, how, owner, max(gap_s, 0.0), caller)
        steps.append(latest[entry.service])
    return Request(tuple(steps), frozenset(calls))


def _follow(service: str, stack: list[str], calls: set[tuple[str, str]]) -> tuple[How, str]:
    """Move the stack to the service; return how, and in whose time."""
    if not stack:
        stack.append(service)
        return "first", service
    if stack[-1] == service:
        return "own", service
    if service not in stack:
        calls.add((stack[-1], service))
        stack.append(service)
        return "call", service
    callee = stack[-1]
    while stack[-1] != service:
        callee = stack.pop()
    return "return", callee


def _cluster(entry: LogEntry, drain: Drain) -> Cluster:
    words = without_ids(clip(entry.message, HEAD_CHARS)).split()[:HEAD_WORDS]
    return drain.add(" ".join(words))


def _location(entry: LogEntry) -> str:
    """Return where in the code the line was written, if it begins with that; an empty text otherwise."""
    match = _LOCATION.search(entry.message, 0, LOCATION_CHARS)
    return match[0] if match else ""
