"""Runs a scenario's traffic: plans each pod's requests, then starts one child process per pod."""

import json
import random
import subprocess
import sys
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from pathlib import Path

from infra.local.scenarios.scenario import Request, Scenario
from shared.errors import Rejected

DRIVER = Path(__file__).with_name("drive.py")
TIMEOUT_S = 60.0
APP_ROOT = "/app/"


@dataclass(frozen=True)
class RecordedAnswer:
    """The result of one request."""

    at: float
    """When it was answered, in seconds since 1970."""
    path: str
    status: int
    duration_s: float
    resident_bytes: int


@dataclass
class Pod:
    """One process of the service: its lifetime in nanoseconds since 1970, its requests, log entries and answers."""

    name: str
    commit: str
    version: str
    start_ns: int
    end_ns: int
    requests: list[tuple[int, Request]] = field(default_factory=list)
    entries: list[tuple[int, str]] = field(default_factory=list)
    answers: list[RecordedAnswer] = field(default_factory=list)


def plan(scenario: Scenario, before: str, after: str, deployed_at: datetime, now: datetime) -> list[Pod]:
    """Return the pods of both versions with the requests each gets; the same for the same seed and times."""
    # Reproducible on purpose; no secret is generated here.
    chance = random.Random(scenario.seed)  # noqa: S311
    start_ns, end_ns = _ns(now - timedelta(minutes=scenario.traffic.minutes_before)), _ns(now)
    old, new = [], []
    deploy = scenario.deploy
    for number in range(deploy.pods):
        switch_ns = _ns(deployed_at + timedelta(seconds=number * deploy.seconds_between_pods))
        old.append(Pod(pod_name(scenario, before, chance), before, deploy.version_before, start_ns, switch_ns))
        new.append(Pod(pod_name(scenario, after, chance), after, deploy.version_after, switch_ns, end_ns))
    _spread_requests(scenario, old, new, chance)
    for pod in old + new:
        _add_health_checks(scenario, pod, chance)
    return old + new


def _spread_requests(scenario: Scenario, old: Sequence[Pod], new: Sequence[Pod], chance: random.Random) -> None:
    kinds = scenario.traffic.requests
    limits = list(accumulate(kind.weight for kind in kinds))
    at_ns = old[0].start_ns
    while True:
        at_ns += round(chance.expovariate(scenario.traffic.requests_per_s) * 1e9)
        if at_ns >= new[0].end_ns:
            return
        number = chance.randrange(len(old))
        pod = old[number] if at_ns < old[number].end_ns else new[number]
        kind = kinds[bisect_left(limits, chance.uniform(0, limits[-1]))]
        pod.requests.append((at_ns, {**kind.request, "id": f"{chance.getrandbits(32):08x}"}))


def _add_health_checks(scenario: Scenario, pod: Pod, chance: random.Random) -> None:
    every_ns = round(scenario.traffic.health_check_every_s * 1e9)
    at_ns = pod.start_ns + chance.randrange(every_ns)
    while at_ns < pod.end_ns:
        pod.requests.append((at_ns, dict(scenario.traffic.health_check)))
        at_ns += every_ns
    pod.requests.sort(key=lambda request: request[0])


def pod_name(scenario: Scenario, commit: str, chance: random.Random) -> str:
    """Return a name as Kubernetes gives it."""
    suffix = "".join(chance.choices("bcdfghjklmnpqrstvwxz2456789", k=5))
    return f"{scenario.service_name}-{commit[:9]}-{suffix}"


def play(scenario: Scenario, pod: Pod, root: Path, seed: int) -> None:
    """
    Run the service of one pod from its checkout at `root` and fill in the pod's entries and answers.

    Stack traces hold file paths, so the checkout's path is replaced by `/app/`, as in an image.
    Raises Rejected (the service does not start or took more than a minute).
    """
    root = root.resolve()
    job = {"root": str(root), "app": scenario.app, "seed": seed, "start_ns": pod.start_ns, "requests": pod.requests}
    played = json.loads(_run(json.dumps(job), root))
    pod.entries = [(ns, text.replace(f"{root}/", APP_ROOT)) for ns, text in played["entries"]]
    pod.answers = [RecordedAnswer(ns / 1e9, *rest) for ns, *rest in played["answers"]]


def _run(job: str, root: Path) -> str:
    command = [sys.executable, "-I", "-X", "utf8", str(DRIVER)]
    try:
        done = subprocess.run(
            command, cwd=root, env={}, input=job, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise Rejected(f"the scenario's service took more than {TIMEOUT_S:.0f} s in {str(root)!r}") from error
    except subprocess.CalledProcessError as error:
        raise Rejected(f"the scenario's service failed in {str(root)!r}: {error.stderr.strip()}") from error
    return done.stdout


def _ns(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000
