"""Carry out what an alert becomes: a new incident, a repeat, a part of another one, an update, an end, or held."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared import clock
from shared.admission import maintenance
from shared.admission.brakes import brakes_of, brakes_of_tests, take_all
from shared.admission.service_window import service_key
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.admission.updates import CARRIER
from shared.contracts import Alert, Outcome, SignedAlert
from shared.errors import Refused, Rejected, Throttled, Unavailable
from shared.traces.port import IncidentRecord, Lease, Run, RunError, TraceStore

from . import signed_alert
from .admission import Standing, admission, standing, takes_end
from .hold_alert import AlertHolder
from .incident_record import record_of

# The execution list lags behind, and clocks differ.
_LIST_MARGIN = timedelta(minutes=10)


class Starter(Protocol):
    """Starts executions and finds them again."""

    @property
    def timeout(self) -> timedelta:
        """How long one call may take."""
        ...

    def start(self, alert: SignedAlert) -> str:
        """Start one execution; return its name."""
        ...

    def find(self, incident_id: str, within: timedelta) -> str | None:
        """Return the name of the incident's execution."""
        ...


@dataclass(frozen=True)
class Limits:
    """
    How alerts are coalesced, and what holds them.

    `start_lease` is how long other attempts wait for one to start an execution before they consider it dead. No alert
    is merged into an incident past its `deadline`: if that incident is never published, neither are they.
    """

    start_lease: timedelta
    deadline: timedelta
    coalescing: CoalescingSettings
    brakes: BrakeSettings


@dataclass(frozen=True)
class IncidentRouter:
    """Routes each alert to its incident; `delivery` is unique to this attempt, `is_by_hand` says a person asks."""

    store: TraceStore
    starter: Starter
    limits: Limits
    delivery: str
    is_by_hand: bool = False

    def decide(self, alert: Alert) -> str:
        """
        Assign the alert to its incident; return in one word what it became.

        Safe to retry at any point: it continues where the attempt before stopped.
        Raises Unavailable while another attempt is starting the same incident, and what the store and starter raise.
        """
        if alert.status == "resolved":
            return self._note_resolution(alert)
        is_new, own = self._opened(alert)
        if (became := admission(own, True, "free", clock.now())) != "start":
            return "repeated" if became == "repeat" else "held"
        leader, stands = self._leader_of(alert)
        match admission(own, leader == alert.incident_id, stands, clock.now()):
            case "merge":
                return self._merge(alert, leader)
            case "update":
                return self._holder.hold_update(alert, leader)
        return self._start_once(alert, own, is_new)

    @property
    def _holder(self) -> AlertHolder:
        return AlertHolder(self.store, self.limits.coalescing.hold)

    def _opened(self, alert: Alert) -> tuple[bool, IncidentRecord]:
        """Return the alert's incident, and whether this attempt opened it."""
        opened = record_of(alert, nonce=secrets.token_urlsafe(16))
        is_new = self.store.open_incident(opened)
        stored = None if is_new else self.store.incident(alert.incident_id)
        return is_new, stored or opened

    def _note_resolution(self, alert: Alert) -> str:
        """Let the end of an alert belong to the incident of its service; what nobody was sent needs no end."""
        lease = self.store.lease(service_key(alert.service_name))
        leader = self.store.incident(lease.holder) if lease else None
        if lease is None or leader is None or not takes_end(leader, lease):
            outcome = Outcome(kind="resolved").model_dump(mode="json")
            self.store.open_incident(record_of(alert, outcome))
            return "resolved"
        _, own = self._opened(alert)
        if own.state != "open":
            return "held" if own.state == "held" else "repeated"
        return self._holder.hold_update(alert, leader.incident_id)

    def _leader_of(self, alert: Alert) -> tuple[str, Standing]:
        """Return the incident that has the service, and how it stands; the alert's own when it takes the service."""
        key, until = service_key(alert.service_name), clock.now() + self.limits.coalescing.window
        lease = self.store.claim(key, alert.incident_id, until)
        if lease.holder != alert.incident_id and self._gives_way(lease, alert):
            self.store.release(key, lease.holder)
            lease = self.store.claim(key, alert.incident_id, until)
        return lease.holder, self._standing(lease)

    def _gives_way(self, lease: Lease, alert: Alert) -> bool:
        """
        Return whether the incident that has the service takes no further alerts.

        One that is published takes none that a maintenance window or a mute holds. What a person starts joins only one
        that is under way: one that waits itself would let the person wait too.
        """
        stands = self._standing(lease)
        if stands == "free":
            return True
        if self.is_by_hand:
            leader = self.store.incident(lease.holder)
            return stands == "published" or (leader is not None and leader.state == "held")
        return stands == "published" and maintenance.window_of(alert, self.store) is not None

    def _standing(self, lease: Lease) -> Standing:
        leader = self.store.incident(lease.holder)
        return standing(leader, lease, clock.now(), self.limits.deadline, self.limits.coalescing.window)

    def _merge(self, alert: Alert, other: str) -> str:
        outcome = Outcome(kind="merged", merged_into=other).model_dump(mode="json")
        self.store.follow(alert.incident_id, other)
        if self.store.close_incident(alert.incident_id, outcome):
            self.store.count_merged_alert(other)
        return "merged"

    def _start_once(self, alert: Alert, own: IncidentRecord, is_new: bool) -> str:
        lease = self.store.claim(f"start:{alert.incident_id}", self.delivery, clock.now() + self.limits.start_lease)
        if lease.holder != self.delivery:
            # Not acknowledged: if that attempt dies, this message must be delivered again.
            raise Unavailable(f"Another attempt is starting {alert.incident_id!r} until {lease.until.isoformat()}")
        # The opener checks again too: another delivery may have started it between the opening and the lease.
        if self._is_answered(alert.incident_id):
            return "repeated"
        was_held = own.state == "held"
        execution = None if was_held else self._started_earlier(alert, is_new)
        if execution is None and self._is_held_back(alert, own):
            self.store.release(lease.key, self.delivery)
            return "held"
        if was_held:
            self.store.resume_incident(alert.incident_id)
        execution = execution or self._start(alert, lease)
        self.store.set_execution(alert.incident_id, execution)
        self.store.release(lease.key, self.delivery)
        return "started"

    def _is_held_back(self, alert: Alert, own: IncidentRecord) -> bool:
        """Hold an alert that a maintenance window or a brake stops; a test of the connection has a brake of its own."""
        if window := maintenance.window_of(alert, self.store, is_by_hand=self.is_by_hand):
            # Until then what its service sends belongs to it, its end above all.
            self.store.claim(service_key(alert.service_name), alert.incident_id, window.until + CARRIER)
            self._holder.hold_for_maintenance(alert, own, window)
            return True
        own_brakes = brakes_of(alert.service_name, self.limits.brakes)
        brakes = brakes_of_tests(self.limits.brakes) if alert.is_test else own_brakes
        brake = take_all(self.store, brakes, alert.incident_id, own.state == "held")
        if brake is None:
            return False
        self._holder.hold_back(alert, own, brake)
        return True

    def _started_earlier(self, alert: Alert, is_new: bool) -> str | None:
        """Return the execution of an attempt that died before recording it; the opener is the first attempt."""
        if is_new:
            return None
        return self.starter.find(alert.incident_id, clock.now() - alert.received_at + _LIST_MARGIN)

    def _start(self, alert: Alert, lease: Lease) -> str:
        if clock.now() + self.starter.timeout > lease.until:
            # The next holder of the lease must find what was started here, so nothing is sent that could arrive later.
            raise Unavailable(
                f"The lease on {alert.incident_id!r} leaves no time to start it; "
                "START_LEASE_SECONDS must be well over WORKFLOW_TIMEOUT_S"
            )
        record = self.store.incident(alert.incident_id)
        carried = signed_alert.carried(alert, record.nonce if record else "")
        try:
            return self.starter.start(carried)
        except (Refused, Rejected, Throttled):
            # Nothing was started, so the next attempt need not wait. After any other failure it waits for the lease
            # to expire: after that the list of executions shows what was started without a reply.
            self.store.release(lease.key, self.delivery)
            raise

    def _is_answered(self, incident_id: str) -> bool:
        record = self.store.incident(incident_id)
        return record is not None and (record.state in ("undelivered", "closed") or record.execution is not None)


def not_startable(error: Rejected) -> Run:
    """Return the run that records why no execution can start; the incident stays open for the sweeper to publish."""
    moment = clock.now()
    failed = (RunError(category="Rejected", message=str(error), at=moment),)
    return Run("workflow_starter", moment, moment, {}, None, errors=failed)
