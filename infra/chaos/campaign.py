"""Runs cases one after another on one system, lets everything settle, and gives the account."""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from infra.chaos.cases import Case
from infra.chaos.judge import Sent, Verdict, judge, sent
from infra.chaos.system import System
from shared.errors import IncidentCopilotError

CASE_S = 45.0
"""How long an alert has under its faults; then they end."""
SETTLE_S = 420.0
"""How long incidents have after the last fault: the leases of what was killed while it sent must end."""
POLL_S = 0.1
ENGINE_EVERY = 5
"""Every so many polls the engine is asked too."""


@dataclass
class Account:
    """What became of every alert of a campaign."""

    cases: int = 0
    accepted: int = 0
    refused: list[str] = field(default_factory=list)
    """Cases whose alert was never accepted; its sender knows."""
    kinds: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeated: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost, doubled or wrong."""
        return not (self.lost or self.doubled or self.wrong)

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        published = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        head = f"{self.cases} cases, {self.accepted} alerts accepted in {self.seconds:.0f} s; published: {published}"
        counts = {
            "lost": self.lost,
            "doubled": self.doubled,
            "wrong statements": self.wrong,
            "sent again under the same key, as nobody had it": self.repeated,
            "never accepted": self.refused,
        }
        lines = [head, *(f"{name}: {len(entries)}" for name, entries in counts.items())]
        return lines + [f"  {name}: {entry}" for name, entries in counts.items() for entry in entries]

    def as_json(self) -> dict[str, Any]:
        """Return it for a file."""
        return {**asdict(self), "kinds": dict(self.kinds), "is_clean": self.is_clean}


class Campaign:
    """Cases on one system; `say` gets a line for each case."""

    def __init__(self, system: System, say: Callable[[str], None]) -> None:
        self._system = system
        self._say = say
        self._incidents: dict[str, Case] = {}
        self._pulls: list[dict[str, Any]] = []
        self._refused: list[str] = []

    def run(self, cases: Sequence[Case]) -> Account:
        """Run every case and return the account."""
        start = time.monotonic()
        for number, case in enumerate(cases, start=1):
            began = time.monotonic()
            incident_ids = self._run(case, f"chaos-{number}")
            states = [record.state if (record := self._system.record(each)) else "none" for each in incident_ids]
            seconds = time.monotonic() - began
            self._say(f"{number}/{len(cases)} {case}: {', '.join(states) or 'refused'}, {seconds:.1f} s")
        self._settle()
        return self._account(len(cases), time.monotonic() - start)

    def _run(self, case: Case, service: str) -> list[str]:
        system = self._system
        self._pulls += system.take_pull_requests()
        for fault in case.faults:
            system.plant(fault)
        threads = [threading.Timer(after_s, system.kill_and_restart, (name,)) for after_s, name in case.kills]
        with self._whole(case.whole):
            for thread in threads:
                thread.start()
            incident_ids = system.post(service)
            self._incidents |= dict.fromkeys(incident_ids, case)
            with self._after_the_202(case.whole):
                for incident_id in incident_ids:
                    self._wait(incident_id)
        for thread in threads:
            thread.join()
        system.clear()
        for incident_id in incident_ids:
            if not self._is_over(incident_id):
                system.sweep()
        self._refused += [] if incident_ids else [str(case)]
        return incident_ids

    def _whole(self, whole: str) -> contextlib.AbstractContextManager[None]:
        """Strike before the alert."""
        if whole == "poison":
            self._system.poison()
        if whole.startswith("store held"):
            return self._system.store_held(float(whole.split()[2]))
        return contextlib.nullcontext()

    def _after_the_202(self, whole: str) -> contextlib.AbstractContextManager[None]:
        """Strike once the alert is accepted."""
        if whole == "queue held after the 202":
            return self._system.stopped("bus", 5)
        if whole == "engine killed":
            time.sleep(0.5)
            self._system.kill_and_restart("engine")
        if whole == "all restarted":
            for name in self._system.stack.options.timeouts_s:
                self._system.kill_and_restart(name)
        return contextlib.nullcontext()

    def _wait(self, incident_id: str) -> None:
        """Wait until the incident has an outcome, or nothing works on it any more."""
        end, polls = time.monotonic() + CASE_S, 0
        while time.monotonic() < end and not self._is_over(incident_id):
            polls += 1
            if polls % ENGINE_EVERY == 0 and self._system.has_ended(incident_id):
                return
            time.sleep(POLL_S)

    def _is_over(self, incident_id: str) -> bool:
        record = self._system.record(incident_id)
        return record is not None and record.state != "open"

    def _settle(self) -> None:
        """Sweep until every incident is published."""
        end = time.monotonic() + SETTLE_S
        while time.monotonic() < end and any(not self._is_closed(each) for each in self._incidents):
            self._system.sweep()
            time.sleep(1)
        self._pulls += self._system.take_pull_requests()

    def _is_closed(self, incident_id: str) -> bool:
        record = self._system.record(incident_id)
        return record is not None and record.state == "closed"

    def _account(self, cases: int, seconds: float) -> Account:
        account = Account(cases, len(self._incidents), self._refused, seconds=round(seconds, 1))
        by_incident = sent(self._system.folder, self._pulls)
        for incident_id, case in self._incidents.items():
            try:
                verdict = judge(self._system.traces, incident_id, case, by_incident.get(incident_id, Sent()))
            except IncidentCopilotError as error:
                verdict = Verdict(incident_id, "none", True, [], [], [str(error)])
            account.kinds[verdict.kind] += 1
            account.lost += [f"{case} ({incident_id}, {verdict.kind})"] if verdict.is_lost else []
            account.doubled += [f"{case} ({incident_id}): {entry}" for entry in verdict.doubled]
            account.repeated += [f"{case} ({incident_id}): {entry}" for entry in verdict.repeated]
            account.wrong += [f"{case} ({incident_id}): {entry}" for entry in verdict.wrong]
        return account
