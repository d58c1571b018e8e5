"""
Whose part of the requests changed: the time of its steps, and what follows them.

Both are measured in nats: by how much better "it changed" explains the requests before and since a moment than "it did
not". Times of steps are log-normal, as times of services are: one slow step in many moves nothing. What follows a line
is compared as counts are, by the G-test (Sokal and Rohlf, Biometry, 17).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import exp, log
from statistics import fmean

from shared.analysis.requests.flows import Request, Step, What
from shared.analysis.series.change_point import SURE
from shared.analysis.series.metric_anomalies import MIN_CHANGE

TICK_S = 0.001
"""Lines are stamped in milliseconds."""
MIN_REQUESTS = 4
"""Requests that tell how long a step usually takes, or what usually follows a line."""
END: What = ("", "", "", -1)
"""What follows the last line of a request."""


@dataclass
class Slowness:
    """The steps in the time of one service; `growth` is how many times as long they take."""

    nats: float
    growth: float
    before_ms: float
    since_ms: float
    way_growth: float
    """Of the steps to it and back, and from it to others."""
    within_growth: float | None
    """Of the steps within it alone, which no network and no other service has a part in; None without any."""


@dataclass
class Departure:
    """After `last`, a line of the service at fault, the requests went on with `usual`, and since then with `now`."""

    nats: float
    last: Step
    usual: Step | None
    now: Step | None
    is_usual: bool
    """Whether what came is a line that was written before too, here or elsewhere."""
    before: tuple[int, int]
    since: tuple[int, int]
    """In how many of how many requests that came after the line."""


@dataclass
class ServiceChange:
    """What changed in one service's part of the requests."""

    slowness: Slowness | None = None
    departures: list[Departure] = field(default_factory=list)

    @property
    def departure_nats(self) -> float:
        """Of all departures that are certain."""
        return sum(one.nats for one in self.departures)

    @property
    def nats(self) -> float:
        """How certain it is that something changed here; 0 when nothing did."""
        return (self.slowness.nats if self.slowness else 0.0) + self.departure_nats


def changes(before: Sequence[Request], since: Sequence[Request]) -> dict[str, ServiceChange]:
    """Return the services whose part of the requests changed; none where too few requests show what is usual."""
    if min(len(before), len(since)) < MIN_REQUESTS:
        return {}
    result: defaultdict[str, ServiceChange] = defaultdict(ServiceChange)
    for service, slowness in _slownesses(before, since):
        result[service].slowness = slowness
    for service, departure in _departures(before, since):
        result[service].departures.append(departure)
    _explain_shared(result, _peers([*before, *since]))
    return {service: change for service, change in result.items() if change.nats}


def _peers(requests: Iterable[Request]) -> set[frozenset[str]]:
    return {frozenset(call) for request in requests for call in request.calls}


def _explain_shared(result: Mapping[str, ServiceChange], peers: Collection[frozenset[str]]) -> None:
    """Drop the slowness of a service on the way alone where the other end of it is slow within: it has a part in it."""
    slow = {service: change.slowness for service, change in result.items() if change.slowness}
    within = {service for service, one in slow.items() if (one.within_growth or 0) >= 1 + MIN_CHANGE}
    for service in slow.keys() - within:
        if any(frozenset((service, other)) in peers for other in within):
            result[service].slowness = None


Kind = tuple[str, str, str]
"""A service, how the request came to a step that it has a part in, and the other service; empty for any other."""
Times = dict[Kind, list[float]]


def _slownesses(before: Sequence[Request], since: Sequence[Request]) -> Iterator[tuple[str, Slowness]]:
    usual, now = _comparable(_times(before), _times(since))
    services: defaultdict[str, list[Kind]] = defaultdict(list)
    for kind in sorted(usual.keys() & now.keys()):
        if len(usual[kind]) >= MIN_REQUESTS:
            services[kind[0]].append(kind)
    for service, kinds in services.items():
        slowness = _slowness(kinds, usual, now)
        if slowness.nats >= SURE and slowness.growth >= 1 + MIN_CHANGE:
            yield service, slowness


def _times(requests: Iterable[Request]) -> Times:
    """
    Return of each kind of step how long one takes in each request that has some, in seconds.

    The time of a call and of a return is that of the caller, of the network and of the called: it counts for both, and
    the one whose other steps became slower too stands out.
    """
    times: defaultdict[Kind, list[float]] = defaultdict(list)
    for request in requests:
        gaps: defaultdict[Kind, list[float]] = defaultdict(list)
        for earlier, step in pairwise(request.steps):
            gaps[step.service, step.how, earlier.service].append(step.gap_s)
            if step.how != "own":
                gaps[earlier.service, f"{step.how} to", step.service].append(step.gap_s)
        for kind, each in gaps.items():
            times[kind].append(fmean(each))
    return times


def _comparable(usual: Times, now: Times) -> tuple[Times, Times]:
    """Return the times with those of rare kinds together: too few requests with each tell what is usual."""
    rare = {kind for kind in {*usual, *now} if len(usual.get(kind, ())) < MIN_REQUESTS}
    joined: list[Times] = []
    for times in (usual, now):
        result: defaultdict[Kind, list[float]] = defaultdict(list)
        for kind, each in times.items():
            result[(kind[0], kind[1], "") if kind in rare else kind] += each
        joined.append(result)
    return joined[0], joined[1]


def _slowness(kinds: Sequence[Kind], usual: dict[Kind, list[float]], now: dict[Kind, list[float]]) -> Slowness:
    old: list[float] = []
    new: list[float] = []
    within: list[float] = []
    way: list[float] = []
    for kind in kinds:
        logs = [log(time + TICK_S) for time in usual[kind]]
        mean = fmean(logs)
        old += [one - mean for one in logs]
        shifts = [log(time + TICK_S) - mean for time in now[kind]]
        new += shifts
        (within if kind[1] == "own" else way).extend(shifts)
    return Slowness(
        nats=_gain(old, new),
        growth=exp(fmean(new)),
        before_ms=1000 * fmean(time for kind in kinds for time in usual[kind]),
        since_ms=1000 * fmean(time for kind in kinds for time in now[kind]),
        way_growth=exp(fmean(way)) if way else 1.0,
        within_growth=exp(fmean(within)) if len(within) >= MIN_REQUESTS else None,
    )


def _gain(old: Sequence[float], new: Sequence[float]) -> float:
    """Return the log likelihood ratio of two means over one, for normal values of one variance."""
    values = [*old, *new]
    total = _squares(values)
    rest = _squares(old) + _squares(new)
    count = len(values)
    # Steps that never vary are as certain as a clock that ticks in milliseconds allows.
    smallest = count * log(2) ** 2 / 12
    return count / 2 * log((total + smallest) / (rest + smallest)) if count > MIN_REQUESTS else 0.0


def _squares(values: Sequence[float]) -> float:
    mean = fmean(values)
    return sum((value - mean) ** 2 for value in values)


def _departures(before: Sequence[Request], since: Sequence[Request]) -> Iterator[tuple[str, Departure]]:
    usual, now = _followers(before), _followers(since)
    written = {step.what for request in before for step in request.steps}
    writing = {step.service for request in since for step in request.steps}
    for place in sorted(usual.keys() & now.keys()):
        departure = _departure(usual[place], now[place], written)
        if departure is not None and departure.nats >= SURE:
            yield _at_fault(departure, writing), departure


Place = tuple[What, What]
"""A line, and the last one that the caller of its service wrote: what follows depends on both."""


@dataclass
class _Followers:
    """What follows one line: in how many requests each, and an example."""

    last: Step
    requests: int = 0
    counts: Counter[What] = field(default_factory=Counter)
    examples: dict[What, Step | None] = field(default_factory=dict)


def _followers(requests: Iterable[Request]) -> dict[Place, _Followers]:
    followers: dict[Place, _Followers] = {}
    for request in requests:
        # What a request does many times it does alike: it is one observation.
        seen: dict[Place, dict[What, Step | None]] = {}
        for step, after in zip(request.steps, [*request.steps[1:], None], strict=True):
            place = (step.what, step.caller.what if step.caller else END)
            followers.setdefault(place, _Followers(step))
            seen.setdefault(place, {}).setdefault(after.what if after else END, after)
        for place, nexts in seen.items():
            one = followers[place]
            one.requests += 1
            one.counts.update(nexts.keys())
            for what, after in nexts.items():
                one.examples.setdefault(what, after)
    return followers


def _departure(usual: _Followers, now: _Followers, written: Collection[What]) -> Departure | None:
    """Return what was lost and what came in its place, if a line is followed by something else than before."""
    before, since = usual.requests, now.requests
    if min(before, since) < MIN_REQUESTS:
        return None
    shift = {what: now.counts[what] / since - usual.counts[what] / before for what in {*usual.counts, *now.counts}}
    lost = min(shift, key=lambda what: (shift[what], what))
    came = max(shift, key=lambda what: (shift[what], what))
    old, new = usual.examples.get(lost), now.examples.get(came)
    if old and old.is_error and not (new and new.is_error):
        return None  # it was worse before
    counts = ((usual.counts[what], now.counts[what]) for what in (lost, came))
    nats = max(_g(*each, before, since) for each in counts)
    return Departure(nats, now.last, old, new, came in written, (usual.counts[came], before), (now.counts[came], since))


def _g(before: int, since: int, total_before: int, total_since: int) -> float:
    """Return the nats by which two shares explain the counts better than one."""
    return (
        _log_likelihood(before, total_before)
        + _log_likelihood(since, total_since)
        - _log_likelihood(before + since, total_before + total_since)
    )


def _log_likelihood(count: int, total: int) -> float:
    return sum(n * log(n / total) for n in (count, total - count) if n)


def _at_fault(departure: Departure, writing: set[str]) -> str:
    """
    Return the service that broke off, answered otherwise, or did not answer.

    Who wrote the last line broke off, unless it had made a call or come to its end there. A caller that goes on as
    after a call, without the lines of the one it called, did not get to it. A caller that goes on otherwise got another
    answer; one that writes nothing more broke off itself.
    """
    last, lost, now = departure.last, departure.usual, departure.now
    if lost is None or lost.service == last.service:
        return last.service
    goes_on = now is not None and not now.is_error and departure.is_usual
    if lost.how == "call":
        is_unreached = (goes_on and now is not None and now.service == last.service) or lost.service not in writing
        return lost.service if is_unreached else last.service
    return last.service if now is not None and now.service == lost.service else lost.service
