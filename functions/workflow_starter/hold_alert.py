"""Hold an alert until incident_sweeper decides: for an update of its incident, by a brake, or by maintenance."""

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import clock
from shared.admission.brakes import SPAN, Brake
from shared.admission.maintenance import DIGEST_AFTER, MaintenanceWindow
from shared.admission.service_window import list_key
from shared.admission.updates import ATTEMPTS, CARRIER, carries, join_update
from shared.contracts import Alert, Outcome
from shared.errors import Unavailable
from shared.traces.port import Hold, HoldReason, IncidentRecord, TraceStore

from .incident_record import record_of

FIRST_RETRY, RETRY = timedelta(seconds=30), timedelta(minutes=10)
"""When what a brake holds is tried again: soon, so that the most severe of a storm are investigated, then rarely."""
LIST_AFTER, LIST_AGAIN_AFTER = timedelta(seconds=75), timedelta(minutes=15)
"""When what a brake holds is listed; later lists of the same hour come in the same thread."""


@dataclass(frozen=True)
class AlertHolder:
    """Holds alerts; of those that belong together one carries the message."""

    store: TraceStore
    hold: timedelta

    def hold_update(self, alert: Alert, leader: str) -> str:
        """Let the alert belong to the next update of `leader`; return what it became. Raises as `join_update`."""
        outcome = Outcome(kind="merged" if alert.status == "firing" else "resolved", merged_into=leader)
        return join_update(self.store, alert.incident_id, leader, outcome, self.hold)

    def hold_back(self, alert: Alert, own: IncidentRecord, brake: Brake) -> None:
        """Hold an alert that a brake stops, listed with the others that it stops. Raises as `join_update`."""
        moment = clock.now()
        if own.hold is not None:
            # It is listed already; the list itself may be published.
            self.store.hold_incident(alert.incident_id, own.hold.replace(until=moment + RETRY))
            return
        key = list_key("brake", brake.setting)
        until = moment + FIRST_RETRY

        def carrier(incident_id: str) -> IncidentRecord:
            first = self.store.claim(f"listed:{brake.setting}", incident_id, clock.now() + SPAN).holder
            is_first = first == incident_id
            ends = clock.now() + (LIST_AFTER if is_first else LIST_AGAIN_AFTER)
            summary = f"Alerts are held: {brake.setting} is reached."
            return _carrier(incident_id, brake.setting, summary, "brake", ends, None if is_first else first)

        self._hold_with(alert, key, Hold(reason="brake", since=moment, until=until, name=brake.setting), carrier)

    def hold_for_maintenance(self, alert: Alert, own: IncidentRecord, window: MaintenanceWindow) -> None:
        """Hold an alert until a maintenance window ends, for its digest. Raises as `join_update`."""
        name, until = window.name, window.until
        if own.hold is not None and own.hold.name == name:
            self.store.hold_incident(alert.incident_id, own.hold.replace(until=until))
            return
        hold = Hold(reason="maintenance", since=clock.now(), until=until, name=name)

        def carrier(incident_id: str) -> IncidentRecord:
            summary = f"Alerts during the maintenance window {name}."
            return _carrier(incident_id, name, summary, "maintenance", until + DIGEST_AFTER, None)

        self._hold_with(alert, list_key("maintenance", name), hold, carrier)

    def _hold_with(self, alert: Alert, key: str, hold: Hold, new_carrier: Callable[[str], IncidentRecord]) -> None:
        """Hold an alert with the others of a key; the first of them makes the incident that carries their message."""
        own = f"inc-held-{hashlib.sha256(f'{key} {alert.incident_id}'.encode()).hexdigest()[:16]}"
        for _ in range(ATTEMPTS):
            carrier = self.store.claim(key, own, clock.now() + CARRIER).holder
            record = self.store.incident(carrier)
            if record is None:
                # Its maker may have died between its lease and its record.
                self.store.open_incident(new_carrier(carrier))
            elif record.state == "closed":
                self.store.release(key, carrier)
                continue
            self.store.follow(alert.incident_id, carrier)
            if carries(self.store, key, carrier):
                # Only now: an attempt that dies before leaves it open, and the next one lists it again.
                self.store.hold_incident(alert.incident_id, hold.replace(follows=carrier))
                return
        raise Unavailable(f"What carries the message of {key!r} changed {ATTEMPTS} times")


def _carrier(
    incident_id: str, name: str, summary: str, reason: HoldReason, until: datetime, follows: str | None
) -> IncidentRecord:
    """Return an incident about no service, which carries the message about others."""
    moment = clock.now()
    alert = Alert(
        incident_id=incident_id,
        service_name="Incident CoPilot",
        names_service=False,
        start=moment,
        end=moment,
        received_at=moment,
        alert_name=name,
        summary=summary,
    )
    hold = Hold(reason=reason, since=moment, until=until, leads=True, follows=follows, name=name)
    return replace(record_of(alert, nonce=secrets.token_urlsafe(16)), state="held", hold=hold, follows=follows)
