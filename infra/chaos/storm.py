"""Thousands of alerts of many services at once: each in a message, few messages, and memory that stays flat."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from infra import bundle
from infra.chaos.judge import reached_somebody, sent
from infra.chaos.memory_use import GROWTH, Growth, Sample, growth_between, sample
from infra.chaos.system import System
from shared import clock
from shared.admission.settings import BrakeSettings
from shared.contracts import Outcome
from shared.errors import IncidentCopilotError
from shared.traces.port import IncidentRecord

RULES = 7
BODY = 50
"""How many alerts a sender posts at once."""
SETTLE_S = 900.0
"""How long alerts have to be in a message: lists of what is held follow after 75 seconds, updates after 120."""
SWEEP_S = 5.0
FIRST, SAMPLES = 2, 5
"""Memory is compared after the first half of the alerts, when every function has worked, and after all of them."""


@dataclass
class StormAccount:
    """What became of every alert of a storm."""

    alerts: int
    services: int
    senders: int
    accepted: int = 0
    incidents: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    """How the incidents ended, or `held` where a list names them."""
    unaccounted: list[str] = field(default_factory=list)
    mails: int = 0
    pull_requests: int = 0
    mail_brake: int = 0
    accepted_s: float = 0.0
    seconds: float = 0.0
    growth: list[Growth] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether every alert is in a message, within the brakes, and no function's memory grew by over GROWTH."""
        is_small = self.mails <= self.mail_brake and self.pull_requests <= 1
        is_whole = self.accepted == self.alerts and not self.unaccounted
        return is_small and is_whole and all(each.grown[0] <= GROWTH for each in self.growth)

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        posted = f"{self.alerts} alerts of {self.services} services by {self.senders} senders"
        return [
            f"{posted}: {self.accepted} accepted in {self.accepted_s:.1f} s, as {self.incidents} incidents: {kinds}",
            f"not in any message: {len(self.unaccounted)}; {self.seconds:.0f} s in all",
            f"mails: {self.mails}, at most {self.mail_brake}; pull requests: {self.pull_requests}",
            *(each.line() for each in self.growth),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {**asdict(self), "kinds": dict(self.kinds), "is_clean": self.is_clean}


def run(folder: Path, alerts: int, services: int, senders: int, say: Callable[[str], None]) -> StormAccount:
    """Post so many alerts, sweep until each is in a message, and return the account; settings are the defaults."""
    account = StormAccount(alerts, services, senders, mail_brake=BrakeSettings().mails_per_recipient_per_hour)
    with System(folder, is_impatient=False) as system:
        storm = _Storm(system, account, say)
        storm.post(0, alerts // FIRST)
        storm.settle(storm.is_idle)
        early = storm.measured()
        storm.post(alerts // FIRST, alerts)
        storm.settle(storm.is_over)
        late = storm.measured()
        account.unaccounted, account.incidents = storm.waiting, storm.incidents
        account.growth = [growth_between(name, early[name], late[name]) for name in early]
        pulls = system.take_pull_requests()
        account.pull_requests = len(pulls)
        got = sent(folder, pulls)
        account.mails = sum(len(each.mails) + each.early["early mail"] for each in got.values())
    return account


class _Storm:
    def __init__(self, system: System, account: StormAccount, say: Callable[[str], None]) -> None:
        self._system, self._account, self._say = system, account, say
        self._began = time.monotonic()
        self.waiting: list[str] = []
        self.incidents = 0

    def post(self, first: int, end: int) -> None:
        """Post alerts by their numbers, from all senders at once."""
        began, account, started = time.monotonic(), self._account, clock.now().isoformat()
        starts = range(first, end, BODY)
        bodies = [[_alert(n, account, started) for n in range(each, min(each + BODY, end))] for each in starts]
        with ThreadPoolExecutor(account.senders) as pool:
            for body, incident_ids in zip(bodies, pool.map(self._post, bodies), strict=True):
                account.accepted += len(body) if incident_ids else 0
                self.waiting += incident_ids
                self.incidents += len(incident_ids)
        account.accepted_s += time.monotonic() - began
        self._say(f"{account.accepted} alerts accepted, in {account.accepted_s:.1f} s")

    def _post(self, body: list[dict[str, Any]]) -> list[str]:
        return self._system.post_body({"alerts": body})

    def settle(self, is_settled: Callable[[], bool]) -> None:
        """Sweep until all is settled, or the time is up."""
        end = time.monotonic() + SETTLE_S
        while not is_settled() and time.monotonic() < end:
            time.sleep(SWEEP_S)
            self._system.sweep()
            self.waiting = [each for each in self.waiting if not self._is_in_a_message(each)]
            self._account.seconds = time.monotonic() - self._began
            self._say(f"{self._account.seconds:.0f} s: {len(self.waiting)} incidents in no message yet")

    def is_idle(self) -> bool:
        """Return whether no incident is under way, nor still in the queue."""
        records = [self._system.record(each) for each in self.waiting]
        return all(record is not None and record.state != "open" for record in records)

    def is_over(self) -> bool:
        """Return whether every alert is in a message."""
        return not self.waiting

    def measured(self) -> dict[str, list[Sample]]:
        """Return a few samples of the memory and the open files of each function."""
        samples: dict[str, list[Sample]] = {}
        for _ in range(SAMPLES):
            for name in bundle.names():
                pid = self._system.stack.services[name].process.pid
                samples.setdefault(name, []).append(sample(pid, time.monotonic() - self._began))
            time.sleep(1)
        return samples

    def _is_in_a_message(self, incident_id: str) -> bool:
        try:
            kind = self._kind_in_a_message(incident_id)
        except IncidentCopilotError:
            return False
        if kind:
            self._account.kinds[kind] += 1
        return bool(kind)

    def _kind_in_a_message(self, incident_id: str) -> str:
        """Return how an incident ended, once somebody got that, or `held` once a list names it; else empty."""
        traces = self._system.traces
        record = traces.incident(incident_id)
        if record is None:
            return ""
        if record.state == "held" and record.hold is not None and not record.hold.leads:
            carrier = traces.incident(record.hold.follows) if record.hold.follows else None
            return "held" if carrier is not None and self._is_published(carrier) else ""
        if record.state != "closed":
            return ""
        outcome = Outcome.model_validate(record.outcome)
        if self._is_published(record):
            return outcome.kind
        # What joined an alert that is held is in the list that names it.
        is_listed = outcome.merged_into is not None and self._kind_in_a_message(outcome.merged_into) == "held"
        return outcome.kind if is_listed else ""

    def _is_published(self, record: IncidentRecord) -> bool:
        is_closed = record.state == "closed" and record.outcome is not None
        return is_closed and reached_somebody(self._system.traces, Outcome.model_validate(record.outcome))


def _alert(number: int, account: StormAccount, started: str) -> dict[str, Any]:
    service, sender = number % account.services, number // BODY % account.senders
    labels = {
        "service_name": f"storm-{service}",
        "app": "checkout-api",
        "alertname": f"Rule{number // account.services % RULES}",
        "severity": "critical" if service % 25 == 0 else "warning",
        "sender": f"{sender}",
    }
    return {"status": "firing", "labels": labels, "fingerprint": f"{number}", "startsAt": started}
