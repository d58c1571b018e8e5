"""Decide what an alert becomes: a new incident, a repeat, a part of an open one, or a resolution."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from shared import clock
from shared.contracts import Alert, Outcome, SignedAlert
from shared.errors import Refused, Rejected, Throttled, Unavailable
from shared.traces.port import IncidentRecord, Lease, Run, RunError, TraceStore

from . import signed_alert

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
class IncidentRouter:
    """
    Routes each alert to its incident; `delivery` is unique to this attempt.

    `start_lease` is how long other attempts wait for this one to start the execution before they consider it dead.
    No alert is merged into an incident past its `deadline`: if that incident is never published, neither are they.
    """

    store: TraceStore
    starter: Starter
    merge_window: timedelta
    start_lease: timedelta
    deadline: timedelta
    delivery: str

    def decide(self, alert: Alert) -> str:
        """
        Assign the alert to its incident; return in one word what it became.

        Safe to retry at any point: it continues where the attempt before stopped.
        Raises Unavailable while another attempt is starting the same incident, and what the store and starter raise.
        """
        if alert.status == "resolved":
            return self._note_resolution(alert)
        is_new = self.store.open_incident(record_of(alert, nonce=secrets.token_urlsafe(16)))
        if not is_new and self._is_answered(alert.incident_id):
            return "repeated"
        if other := self._open_incident_of(alert):
            return self._merge(alert, other)
        return self._start_once(alert, is_new)

    def _note_resolution(self, alert: Alert) -> str:
        # A claim that ends now takes no lease: it only shows who holds the service.
        lease = self.store.claim(_service(alert), alert.incident_id, clock.now())
        open_incident = lease.holder if self._is_open(lease.holder) else None
        outcome = Outcome(kind="resolved", merged_into=open_incident).model_dump(mode="json")
        if self.store.open_incident(record_of(alert, outcome)) and open_incident:
            self.store.count_merged_alert(open_incident)
        return "resolved"

    def _open_incident_of(self, alert: Alert) -> str | None:
        """Return the other open incident of the service, or None when this alert's own incident holds the service."""
        key, until = _service(alert), clock.now() + self.merge_window
        lease = self.store.claim(key, alert.incident_id, until)
        if lease.holder != alert.incident_id and not self._is_open(lease.holder, self.deadline):
            self.store.release(key, lease.holder)
            lease = self.store.claim(key, alert.incident_id, until)
        return None if lease.holder == alert.incident_id else lease.holder

    def _merge(self, alert: Alert, other: str) -> str:
        outcome = Outcome(kind="merged", merged_into=other).model_dump(mode="json")
        if self.store.close_incident(alert.incident_id, outcome):
            self.store.count_merged_alert(other)
        return "merged"

    def _start_once(self, alert: Alert, is_new: bool) -> str:
        lease = self.store.claim(f"start:{alert.incident_id}", self.delivery, clock.now() + self.start_lease)
        if lease.holder != self.delivery:
            # Not acknowledged: if that attempt dies, this message must be delivered again.
            raise Unavailable(f"Another attempt is starting {alert.incident_id!r} until {lease.until.isoformat()}")
        # The opener checks again too: another delivery may have started it between the opening and the lease.
        if self._is_answered(alert.incident_id):
            return "repeated"
        execution = self._started_earlier(alert, is_new) or self._start(alert, lease)
        self.store.set_execution(alert.incident_id, execution)
        self.store.release(lease.key, self.delivery)
        return "started"

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
        return record is not None and (record.state != "open" or record.execution is not None)

    def _is_open(self, incident_id: str, younger_than: timedelta = timedelta.max) -> bool:
        record = self.store.incident(incident_id)
        return record is not None and record.state != "closed" and clock.now() - record.created_at < younger_than


def record_of(alert: Alert, outcome: dict[str, object] | None = None, nonce: str = "") -> IncidentRecord:
    """Return the alert's incident: open, or closed with an outcome that is final already."""
    moment = clock.now()
    return IncidentRecord(
        incident_id=alert.incident_id,
        service_name=alert.service_name,
        state="open" if outcome is None else "closed",
        created_at=moment,
        updated_at=moment,
        # Nonce and signature stand with the alert, where functions of an earlier release pass them on.
        alert=(signed_alert.stored(alert, nonce) if nonce else alert).model_dump(mode="json"),
        outcome=outcome,
    )


def not_startable(error: Rejected) -> Run:
    """Return the run that records why no execution can start; the incident stays open for the sweeper to publish."""
    moment = clock.now()
    failed = (RunError(category="Rejected", message=str(error), at=moment),)
    return Run("workflow_starter", moment, moment, {}, None, errors=failed)


def _service(alert: Alert) -> str:
    return f"service:{alert.service_name}"
