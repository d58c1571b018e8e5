"""Which faults are planted: every dependency and every function by every kind, pairs of them, random kills."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

from infra.chaos.proxy import Fault
from shared.step import steps

ANSWERS = ("429", "500", "502", "503", "garbage", "empty", "half", "reset", "lost_reply", "slow", "hang")
DEPENDENCIES: tuple[tuple[str, str, str], ...] = (
    ("loki", "", ""),
    ("prometheus", "", ""),
    ("github", "", ""),
    ("github", "POST", ""),
    ("gmail", "", "/token"),
    ("gmail", "", "/gmail"),
    ("hook", "", ""),
    ("gemini", "", ""),
)
"""Service, method and path prefix of the requests that a fault strikes."""
OF_FUNCTIONS = (*ANSWERS, "504", "late", "killed")
WHOLE = ("store held 3 s", "store held 12 s", "queue held after the 202", "engine killed", "poison", "all restarted")
"""What strikes more than the requests to one service."""
KILLABLE = (*steps.BY_NAME, "workflow_starter", "incident_sweeper", "engine")


@dataclass(frozen=True)
class Case:
    """One alert under these faults; `whole` is one of WHOLE, `kills` are services killed so many seconds after it."""

    group: str
    faults: tuple[Fault, ...] = ()
    whole: str = ""
    kills: tuple[tuple[float, str], ...] = ()

    def __str__(self) -> str:
        """Return what it plants."""
        killed = [f"{name} killed after {after_s:.1f} s" for after_s, name in self.kills]
        return " + ".join([*map(str, self.faults), *([self.whole] if self.whole else []), *killed]) or "no fault"


def single() -> list[Case]:
    """Return every single fault, in an order that is always the same."""
    return [*(Case("single", (fault,)) for fault in _faults()), *(Case("single", whole=each) for each in WHOLE)]


def double(count: int, seed: int) -> list[Case]:
    """Return so many pairs of faults of different services, drawn by `seed`."""
    pairs = [pair for pair in itertools.combinations(list(_faults()), 2) if pair[0].where != pair[1].where]
    drawn = random.Random(seed).sample(pairs, count)  # noqa: S311  # not used for a secret
    return [Case("double", (_copy(one), _copy(other))) for one, other in drawn]


def kills(count: int, seed: int) -> list[Case]:
    """Return so many alerts, while which one to three random processes are killed."""
    drawn = random.Random(seed)  # noqa: S311  # not used for a secret
    return [
        Case("kills", kills=tuple(sorted((drawn.uniform(0, 2.5), drawn.choice(KILLABLE)) for _ in range(number))))
        for number in (drawn.randint(1, 3) for _ in range(count))
    ]


def spread(cases: list[Case], count: int) -> list[Case]:
    """Return so many of the cases, evenly spread over all of them."""
    if count >= len(cases):
        return cases
    return [cases[position * len(cases) // count] for position in range(count)]


def _faults() -> Iterator[Fault]:
    for (service, method, path), kind in itertools.product(DEPENDENCIES, ANSWERS):
        yield from (Fault(service, kind, times, method, path) for times in (1, None))
    yield from (Fault(service, "refused") for service in dict.fromkeys(name for name, _, _ in DEPENDENCIES))
    for name, kind in itertools.product(steps.BY_NAME, OF_FUNCTIONS):
        yield from (Fault(name, kind, times) for times in (1, None))
    yield from (Fault("workflow_starter", kind, 1) for kind in OF_FUNCTIONS if kind != "late")
    yield from (Fault("alert_intake", kind, 1) for kind in ("429", "500", "503", "reset", "lost_reply", "killed"))


def _copy(fault: Fault) -> Fault:
    return Fault(fault.where, fault.kind, fault.times, fault.method, fault.path)
