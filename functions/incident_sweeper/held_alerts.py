"""Decides each minute what becomes of held alerts whose time is up: nothing that is held waits for a later alert."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import uuid4

from pydantic import ValidationError

from shared import clock, log
from shared.admission import history
from shared.admission.brakes import brakes_of, take_all, take_mail
from shared.admission.folding import Fold, Release, event_of, fold, release
from shared.admission.service_window import list_key, service_key, update_key
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.admission.updates import join_update
from shared.containment import contained
from shared.contracts import Alert, Failure, Outcome
from shared.errors import IncidentCopilotError, Uncertain
from shared.traces.port import Hold, IncidentRecord, TraceStore

from . import last_message
from .last_message import LastChannels
from .released_alert import firing_alert, last_end, severity_rank
from .step_calls import held_call_of
from .sweep import OutcomePublisher, SweepSettings

MAX_HELD = 200
"""How many held incidents one sweep looks at, the earliest first."""
MAX_RANKED = 50
"""How many alerts merged into a held one say how severe it is."""
RETRY, WAIT = timedelta(minutes=10), timedelta(minutes=5)
"""When what a brake still stops is tried again: an investigation, a mail."""
STOPPED_FOR = timedelta(hours=2)
"""For so long what a brake stops waits for its investigation; then the list that names it was all."""
_LEASE_MARGIN = timedelta(seconds=30)


class AlertBus(Protocol):
    """Publishes alerts to workflow_starter."""

    def publish_all(self, alerts: Sequence[Alert]) -> list[str]:
        """Publish alerts; return their message ids."""
        ...


@dataclass
class HeldAlerts:
    """Settles what is held; `bus` takes the alerts that are investigated after all."""

    store: TraceStore
    publisher: OutcomePublisher
    bus: Callable[[], AlertBus]
    last_channels: LastChannels
    settings: SweepSettings
    coalescing: CoalescingSettings
    brakes: BrakeSettings
    _holder: str = field(default_factory=lambda: uuid4().hex)

    def run(self, stopwatch: Callable[[], float], end: float) -> list[str]:
        """Settle what is due until `end` by `stopwatch`; return the ids. Raises what the store raises on the first."""
        due = self.store.held_incidents(clock.now(), MAX_HELD)
        messages = deque(record for record in due if record.hold and record.hold.leads)
        singles = deque(sorted((one for one in due if not (one.hold and one.hold.leads)), key=self._rank))
        # Single alerts come before the lists of them, so that a list says what became of them. They get half the time:
        # in a storm the list is all that people get, and a post_process that hangs must not stop the alerts.
        now = stopwatch()
        turns = ((singles, now + (end - now) / 2), (messages, end), (singles, end))
        return [each for records, until in turns for each in self._run(records, stopwatch, until)]

    def _rank(self, record: IncidentRecord) -> int:
        """Return 0 for the most severe of the alert and those that were merged into it."""
        merged = self.store.followers(record.incident_id, MAX_RANKED) if record.merged_alerts else []
        return min(map(severity_rank, (record, *merged)))

    def _run(self, records: deque[IncidentRecord], stopwatch: Callable[[], float], until: float) -> Iterator[str]:
        """Settle one after the other until a time by `stopwatch`; yield the ids of those that are settled."""
        while records and stopwatch() < until:
            record = records.popleft()
            with log.bound(incident_id=record.incident_id, service_name=record.service_name):
                if self._settled(record):
                    yield record.incident_id

    def _settled(self, record: IncidentRecord) -> bool:
        """Settle one; a failure is tried again by the next sweep, and after minutes it is said by a last message."""
        key = f"sweep:{record.incident_id}"

        def settle() -> bool:
            lease = self.store.claim(key, self._holder, clock.now() + self.publisher.timeout + _LEASE_MARGIN)
            if lease.holder != self._holder:
                return False
            became = self._settle(record)
            self.store.release(key, self._holder)
            log.info("sweeper.settled", became=became)
            return True

        def speak_late(error: Exception) -> bool:
            log.error("sweeper.unsettled", error_type=type(error).__name__, error=str(error))
            self._speak_late(record, key, error)
            return False

        return contained(settle, speak_late)

    def _settle(self, record: IncidentRecord) -> str:
        now = self.store.incident(record.incident_id)
        if now is None or now.state != "held" or (now.hold is not None and now.hold.until > clock.now()):
            return "settled already"
        if now.hold is None:
            # Its hold cannot be read: as an open incident without an execution it is published.
            self.store.resume_incident(now.incident_id)
            return "opened"
        if now.hold.reason == "update":
            return self._settle_update(now, now.hold)
        return self._publish_list(now, now.hold) if now.hold.leads else self._settle_stopped(now, now.hold)

    def _settle_update(self, record: IncidentRecord, hold: Hold) -> str:
        past = history.read(self.store, record)
        leader = past.leader
        if leader is None:
            return self._investigate(record, past.held)
        if leader.state != "closed":
            return self._hold_longer(record, hold, clock.now() + max(self.coalescing.hold, timedelta(minutes=1)))
        if leader.hold is not None and leader.hold.reason != "update":
            # Its own alert was listed and never investigated, so nobody waits for a word on it.
            return self._close(record, leader.incident_id)
        return self._continue(record, hold, past, leader)

    def _continue(self, record: IncidentRecord, hold: Hold, past: history.History, leader: IncidentRecord) -> str:
        """Let held alerts continue a published incident: by a message of their own, or of the first by its cause."""
        became = self._release(past, leader, hold)
        if became == "extend":
            return self._hold_longer(record, hold, past.fold().last_at + self.coalescing.hold)
        is_message = became in ("update", "resolved")
        if is_message and (first := _first_of_cause(leader)):
            return self._join(record, leader, first, is_over=became == "resolved")
        if is_message and not take_mail(self.store, record.incident_id, self.brakes, is_list=False):
            return self._hold_longer(record, hold, clock.now() + WAIT)
        # From here on further alerts have a carrier of their own, so what is read now is all there is.
        self.store.release(update_key(leader.incident_id), record.incident_id)
        past = history.read(self.store, record)
        became = self._release(past, leader, hold)
        if became == "cancel":
            return self._close(record, leader.incident_id)
        if became == "investigate":
            self.store.release(service_key(record.service_name), leader.incident_id)
            return self._investigate(record, past.held)
        return self._publish_update(record, past, leader, became)

    def _join(self, record: IncidentRecord, leader: IncidentRecord, first: str, *, is_over: bool) -> str:
        """Let what has no brief of its own be in the next update of the brief that names it."""
        self.store.release(update_key(leader.incident_id), record.incident_id)
        if is_over:
            self.store.release(service_key(record.service_name), leader.incident_id)
        closed = Outcome(kind="merged", merged_into=first, linked_to=first)
        return f"joined: {join_update(self.store, record.incident_id, first, closed, timedelta())}"

    def _publish_update(
        self, record: IncidentRecord, past: history.History, leader: IncidentRecord, became: Release
    ) -> str:
        if became == "update" and not past.fold().firing and (end := last_end(past.held, leader.service_name)):
            # The update says no end, so the end goes on being held for a message of its own.
            self.bus().publish_all([end])
        self.publisher.publish(held_call_of(record))
        return "published"

    def _release(self, past: history.History, leader: IncidentRecord, hold: Hold) -> Release:
        if past.linked or len(past.held) > history.MAX_ALERTS:
            # No other message names these services, nor the alerts over what is read.
            return "update"
        moment = clock.now()
        return release(past.fold(), _kind(leader), moment, self.coalescing.hold, moment - hold.since)

    def _settle_stopped(self, record: IncidentRecord, hold: Hold) -> str:
        """Start what a brake or a maintenance window held, unless it has ended or nothing is free for it."""
        folded, moment = self._own_fold(record), clock.now()
        # What comes back after its end has not ended; only a first end is waited for.
        flaps = folded.again > 0 and moment - hold.since >= 2 * self.coalescing.hold
        is_firing = bool(folded.firing) or (flaps and moment - folded.last_at < self.coalescing.hold)
        if not is_firing and moment - folded.last_at < self.coalescing.hold:
            return self._hold_longer(record, hold, folded.last_at + self.coalescing.hold)
        is_over = hold.reason == "brake" and moment - hold.since > STOPPED_FOR
        if is_firing and is_over and not self._is_listed(hold):
            # No list of it reached anybody: as an open incident without an execution it is published.
            self.store.resume_incident(record.incident_id)
            return "opened"
        if not is_firing or is_over:
            self._close(record, hold.follows)
            self.store.release(service_key(record.service_name), record.incident_id)
            return "listed"
        if take_all(self.store, brakes_of(record.service_name, self.brakes), record.incident_id, is_held=True):
            return self._hold_longer(record, hold, moment + RETRY)
        return self._investigate(record, [record])

    def _is_listed(self, hold: Hold) -> bool:
        """Return whether the list that names what is held was published, and not a last message in its place."""
        carrier = self.store.incident(hold.follows) if hold.follows else None
        return carrier is not None and carrier.state == "closed" and _kind(carrier) == "umbrella"

    def _own_fold(self, record: IncidentRecord) -> Fold:
        """Return what the alert itself and all that were merged into it add up to."""
        merged = self.store.followers(record.incident_id, history.MAX_ALERTS)
        carried = [one for carrier in merged if carrier.hold for one in self.store.followers(carrier.incident_id)]
        return fold((), map(event_of, (record, *merged, *carried)))

    def _publish_list(self, record: IncidentRecord, hold: Hold) -> str:
        if not self.store.followers(record.incident_id, 1):
            # What it listed is in another list or an investigation by now. After the release nothing can join it.
            self.store.release(list_key(hold.reason, hold.name), record.incident_id)
            if not self.store.followers(record.incident_id, 1):
                return self._close(record, hold.follows)
        if not take_mail(self.store, record.incident_id, self.brakes, is_list=True):
            return self._hold_longer(record, hold, clock.now() + WAIT)
        self.store.release(list_key(hold.reason, hold.name), record.incident_id)
        self.publisher.publish(held_call_of(record))
        return "published"

    def _investigate(self, record: IncidentRecord, held: Sequence[IncidentRecord]) -> str:
        """Send the alert to workflow_starter again: it decides anew, and starts the workflow."""
        alert = firing_alert(record, held)
        if alert is None:
            self.store.resume_incident(record.incident_id)
            return "opened"
        self.bus().publish_all([alert])
        if alert.incident_id != record.incident_id:
            return self._close(record, alert.incident_id)
        return "released"

    def _hold_longer(self, record: IncidentRecord, hold: Hold, until: datetime) -> str:
        self.store.hold_incident(record.incident_id, hold.replace(until=until))
        return "held"

    def _close(self, record: IncidentRecord, leader: str | None) -> str:
        kind = "resolved" if record.alert.get("status") == "resolved" else "merged"
        outcome = Outcome(kind=kind, merged_into=leader)
        self.store.close_incident(record.incident_id, outcome.model_dump(mode="json"))
        return "merged"

    def _speak_late(self, record: IncidentRecord, key: str, error: Exception) -> None:
        """Send a last message once an alert has failed for minutes; a channel that is being sent to is left alone."""
        try:
            if not isinstance(error, Uncertain):
                # Without a reply it may still be publishing: no second call until the lease has expired.
                self.store.release(key, self._holder)
            end = timedelta(seconds=self.settings.incident_give_up_seconds)
            since = last_message.unpublished_since(self.store, record, end)
            if clock.now() - since < timedelta(seconds=self.settings.last_message_seconds):
                return
            failed = Failure(step="post_process", error_type=type(error).__name__, message=str(error))
            if outcome := last_message.send(self.store, record, self.last_channels, [failed]):
                self.store.close_incident(record.incident_id, outcome.model_dump(mode="json"))
        except IncidentCopilotError as failure:
            log.error("sweeper.unsettled", error_type=type(failure).__name__, error=str(failure))


def _kind(leader: IncidentRecord) -> str:
    outcome = _outcome(leader)
    return outcome.kind if outcome else "degraded"


def _first_of_cause(leader: IncidentRecord) -> str | None:
    """Return the incident whose update named this one, which has no brief of its own; None when it has one."""
    outcome = _outcome(leader)
    return outcome.linked_to if outcome and outcome.kind in ("merged", "update") else None


def _outcome(record: IncidentRecord) -> Outcome | None:
    try:
        return Outcome.model_validate(record.outcome or {})
    except ValidationError:
        return None
