"""Which requests are followed over all services, and what they show."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import log

from shared.analysis.logs.join_traces import RANK
from shared.analysis.logs.parse import read
from shared.analysis.logs.request_ids import request_id
from shared.analysis.requests.changes import ServiceChange, changes
from shared.analysis.requests.flows import Request, requests_of
from shared.analysis.series.change_point import SURE
from shared.telemetry.port import LogLine

PARTS = 6
REQUESTS_OF_A_PART = 10
"""The worst of each part of the time, so that those before and since any moment were chosen alike."""
MAX_REQUESTS = PARTS * REQUESTS_OF_A_PART
NEWEST_LINES = 20_000
MOMENTS = 12
"""Moments at which the requests may have changed: others may have begun before the service's own trouble."""
MIN_TIME_SHARE = 0.5


@dataclass
class Followed:
    """
    The requests that were followed: `since` the moment from which services behave otherwise, the others `before`.

    `changed_at` is that moment, None when nothing changed: all requests are `since` then.
    """

    before: Sequence[Request] = ()
    since: Sequence[Request] = ()
    changed_at: datetime | None = None
    changes: dict[str, ServiceChange] = field(default_factory=dict)

    @property
    def most_changed(self) -> tuple[str, ServiceChange]:
        """The service whose part changed most surely, and how; an empty name where none did."""
        return max(self.changes.items(), key=lambda item: item[1].nats, default=("", ServiceChange()))

    @property
    def is_certain(self) -> bool:
        """Whether that is no chance: of many moments and services that are looked at, one seems to have changed."""
        services = {step.service for request in self.since for step in request.steps}
        return self.most_changed[1].nats >= SURE + log(MOMENTS * max(len(services), 1))

    @property
    def calls(self) -> set[tuple[str, str]]:
        """Who called whom in any of them."""
        return {call for request in (*self.before, *self.since) for call in request.calls}

    def is_late_on_the_way(self, service: str) -> bool:
        """Return whether most of the time that the service takes passes on the way to it and back."""
        steps = [step for request in self.since for step in request.steps if step.owner == service]
        seconds = sum(step.gap_s for step in steps)
        return sum(step.gap_s for step in steps if step.how != "own") > MIN_TIME_SHARE * seconds

    @property
    def time_shares(self) -> dict[str, float]:
        """Each service's share of the time of the requests since, the way to it and back included."""
        seconds: defaultdict[str, float] = defaultdict(float)
        for request in self.since:
            for step in request.steps:
                seconds[step.owner] += step.gap_s
        total = sum(seconds.values())
        by_time = sorted(seconds, key=lambda service: (-seconds[service], service))
        return {service: seconds[service] / total for service in by_time if total}


def requests_to_follow(lines: Iterable[LogLine]) -> list[str]:
    """
    Return the ids of the requests to follow, at most MAX_REQUESTS, the newest first.

    Of each part of the time the failed ones, and then those that took longest by the lines of this service.
    """
    own: defaultdict[str, list[LogLine]] = defaultdict(list)
    for line in lines:
        if id_ := request_id(line.text, line.labels):
            own[id_].append(line)
    if not own:
        return []
    begins = {id_: each[0].nanoseconds for id_, each in own.items()}
    first, length = min(begins.values()), max(begins.values()) - min(begins.values()) + 1
    parts: defaultdict[int, list[str]] = defaultdict(list)
    for id_, at in begins.items():
        parts[(at - first) * PARTS // length].append(id_)
    chosen = [
        id_
        for ids in parts.values()
        for id_ in sorted(ids, key=lambda id_: _badness(own[id_]), reverse=True)[:REQUESTS_OF_A_PART]
    ]
    return sorted(chosen, key=lambda id_: -begins[id_])


def own_change(lines: Sequence[LogLine], onset: datetime | None) -> Followed | None:
    """Return what the lines of one service alone show of its requests, if they certainly became slower or otherwise."""
    ids = set(requests_to_follow(lines))
    followed = (
        follow((line for line in lines if request_id(line.text, line.labels) in ids), onset) if ids else Followed()
    )
    return followed if followed.is_certain else None


def _badness(lines: Sequence[LogLine]) -> tuple[bool, int]:
    has_failed = any(RANK[read(line).level] >= RANK["error"] for line in lines)
    return has_failed, lines[-1].nanoseconds - lines[0].nanoseconds


def follow(lines: Iterable[LogLine], onset: datetime | None) -> Followed:
    """
    Return what the lines of the requests show, of all services or of one.

    The moment is the one at which most changed: the onset of the service's own trouble, or another.
    """
    requests = requests_of(lines)
    moments = [*([onset] if onset else []), *_moments(requests)]
    followed = [_compared(requests, moment) for moment in moments]
    best = max(followed, key=lambda one: one.most_changed[1].nats, default=Followed(since=requests))
    return best if best.changed_at else Followed(since=requests)


def _moments(requests: Sequence[Request]) -> list[datetime]:
    """Return beginnings of requests, evenly among them."""
    count = min(len(requests), MOMENTS + 1)
    return [requests[len(requests) * number // count].steps[0].entry.at for number in range(1, count)]


def _compared(requests: Sequence[Request], moment: datetime) -> Followed:
    before = [one for one in requests if one.steps[0].entry.at < moment]
    since = [one for one in requests if one.steps[0].entry.at >= moment]
    changed = changes(before, since)
    if not since:
        return Followed(since=before)
    return Followed(before, since, moment if changed else None, changed)
