"""Starter, sweeper and post_process in one process and virtual time: what a storm of alerts becomes, who gets what."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.incident_sweeper.held_alerts import HeldAlerts
from functions.incident_sweeper.last_message import LastChannels
from functions.incident_sweeper.sweep import SweepSettings
from functions.post_process.deliveries import Connections
from functions.post_process.messages.publish_held import held_carrier, publish_held
from functions.post_process.publish_outcome import publish
from functions.workflow_starter.route_alert import IncidentRouter, Limits
from shared import clock
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.contracts import Alert, OtherService, Outcome, PostProcessRequest, SignedAlert, StepCall, StepResult
from shared.errors import Unavailable
from shared.outbox.port import Mail, MailSent
from shared.step import steps
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import IncidentRecord
from tests.functions import post_process_requests as requests

START = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
ENGINEER = "ada@example.com"


@dataclass
class Storm:
    """
    The life of alerts from workflow_starter to mail, without processes.

    A workflow takes `work`, and ends in the brief that `verdicts` says for its service: `incident` unless set.
    """

    store: EmbeddedTraces
    coalescing: CoalescingSettings = field(default_factory=CoalescingSettings)
    brakes: BrakeSettings = field(default_factory=BrakeSettings)
    work: timedelta = timedelta(seconds=5)
    verdicts: dict[str, str] = field(default_factory=dict)
    suspects: dict[str, str] = field(default_factory=dict)
    """Service to the other service where the evidence says that its trouble begins."""
    mails: list[Mail] = field(default_factory=list)
    calls: list[tuple[dict[str, Any], str]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    latest: Alert | None = None
    moment: datetime = START
    is_post_process_up: bool = True
    timeout: timedelta = timedelta(seconds=20)
    _running: list[tuple[datetime, Alert]] = field(default_factory=list)
    _deliveries: int = 0

    def fire(self, service: str = "checkout", status: str = "firing", **changes: Any) -> str:
        """Let one alert arrive now; return what it became."""
        number = len(self.accepted)
        facts: dict[str, Any] = {
            "incident_id": f"inc-20260314-{number:010x}",
            "service_name": service,
            "status": status,
            "alert_name": "HighErrorRate",
            "fingerprint": f"{service}-1",
            "start": self.moment,
            "end": self.moment,
            "received_at": self.moment,
            "started_at": self.moment,
        }
        return self.take(Alert(**{**facts, **changes}))

    def take(self, alert: Alert) -> str:
        """Deliver an alert to the starter, again until it is taken, as Pub/Sub does; return what it became."""
        self.accepted.append(alert.incident_id)
        self.latest = alert
        return self.deliver(alert)

    def deliver(self, alert: Alert, *, is_by_hand: bool = False) -> str:
        """Deliver a message to the starter until it is acknowledged."""
        self._deliveries += 1
        limits = Limits(timedelta(minutes=2), timedelta(minutes=15), self.coalescing, self.brakes)
        return IncidentRouter(self.store, self, limits, f"delivery-{self._deliveries}", is_by_hand).decide(alert)

    def start(self, alert: SignedAlert) -> str:
        """Start a workflow."""
        self.started.append(alert.incident_id)
        self._running.append((self.moment + self.work, alert))
        return f"executions/{alert.incident_id}"

    def find(self, incident_id: str, within: timedelta) -> str | None:
        """Find a workflow."""
        return f"executions/{incident_id}" if incident_id in self.started else None

    def publish_all(self, alerts: Sequence[Alert]) -> list[str]:
        """Be the bus: deliver at once."""
        return [self.deliver(alert) for alert in alerts]

    def publish(self, call: StepCall) -> StepResult:
        """Be post_process, as the sweeper calls it."""
        if not self.is_post_process_up:
            raise Unavailable("post_process is down")
        request = PostProcessRequest(alert=call.incident)
        held = held_carrier(request, self.store)
        assert call.stage == steps.HELD
        assert held is not None, "the sweeper asks for messages of held alerts alone here"
        publish_held(request, *held, self.store, self._connections)
        return StepResult(step="post_process")

    def send(self, mail: Mail) -> MailSent:
        """Be the mailer."""
        self.mails.append(mail)
        return MailSent(f"m{len(self.mails)}")

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """Be the hook."""
        self.calls.append((payload, key))
        return key

    def wait(self, seconds: float) -> None:
        """Let time pass: workflows end, and the sweeper comes at each full minute."""
        end = self.moment + timedelta(seconds=seconds)
        while True:
            minute = self.moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
            ending = min((until for until, _ in self._running), default=end)
            following = min(end, max(ending, self.moment), minute)
            self.moment = following
            self._end_workflows()
            if following == minute:
                self.sweep()
            if following == end:
                return

    def sweep(self) -> list[str]:
        """Settle what is due."""
        channels = LastChannels(lambda: self, lambda: self, lambda: (ENGINEER,))
        held = HeldAlerts(self.store, self, lambda: self, channels, SweepSettings(), self.coalescing, self.brakes)
        return held.run(lambda: 0.0, 1.0)

    def _end_workflows(self) -> None:
        ended = [alert for until, alert in self._running if until <= self.moment]
        self._running = [(until, alert) for until, alert in self._running if until > self.moment]
        for alert in ended:
            verdict = self.verdicts.get(alert.service_name, "incident")
            incident = requests.incident(verdict=verdict, recommendation="dismiss") if verdict == "healthy" else None
            if suspect := self.suspects.get(alert.service_name):
                other = OtherService(
                    service_name=suspect,
                    requests=9,
                    failed_in=9,
                    failed_first_in=9,
                    role="suspect",
                    basis="failed_first",
                )
                incident = requests.incident(verdict="incident", other_services=[other])
            publish(PostProcessRequest(alert=alert, incident=incident), self.store, self._connections)

    @property
    def _connections(self) -> Connections:
        return Connections(lambda: self, lambda: self, lambda: None, lambda: (ENGINEER,))

    def kinds(self) -> Counter[str]:
        """Return how many messages of each kind the hook got; each went by mail too."""
        assert len(self.calls) == len(self.mails)
        return Counter(str(payload["kind"]) for payload, _ in self.calls)

    def outcome(self, incident_id: str) -> Outcome | None:
        """Return the outcome of an incident, or None while it is not closed."""
        record = self.record(incident_id)
        return Outcome.model_validate(record.outcome) if record.outcome else None

    def record(self, incident_id: str) -> IncidentRecord:
        """Return an incident, which must be in the store."""
        record = self.store.incident(incident_id)
        assert record is not None, incident_id
        return record

    def unaccounted(self) -> list[str]:
        """Return the accepted alerts that belong to no message that somebody got."""
        sent = {key for _, key in self.calls}
        return [incident_id for incident_id in self.accepted if not self._is_published(incident_id, sent, 0)]

    def _is_published(self, incident_id: str, sent: set[str], depth: int) -> bool:
        if incident_id in sent:
            return True
        outcome = self.outcome(incident_id)
        if outcome is None or depth > 5:
            return False
        return outcome.merged_into is not None and self._is_published(outcome.merged_into, sent, depth + 1)


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Storm:
    """Return a storm about to begin, its clock virtual; `settings` are those of coalescing and brakes."""
    storm = Storm(EmbeddedTraces(EmbeddedSettings(traces_path=folder / "storm.sqlite3")))
    choose: Callable[[Any], dict[str, Any]] = lambda cls: {k: v for k, v in settings.items() if k in cls.model_fields}  # noqa: E731
    storm.coalescing = CoalescingSettings(**choose(CoalescingSettings))
    storm.brakes = BrakeSettings(**choose(BrakeSettings))
    monkeypatch.setattr(clock, "now", lambda: storm.moment)
    for name, value in settings.items():
        monkeypatch.setenv(name.upper(), str(value))
    return storm
