"""Reads the alerts of one published incident: those before, and those that a held one carries."""

from dataclasses import dataclass

from shared.admission.folding import Fold, event_of, fold
from shared.traces.port import IncidentRecord, TraceStore

MAX_ALERTS = 500
"""How many alerts of one incident, and of one update, are read; more are counted."""


@dataclass(frozen=True)
class History:
    """An incident, the alerts merged into it, and those held for its next update, the carrier first."""

    leader: IncidentRecord | None
    before: tuple[IncidentRecord, ...]
    held: tuple[IncidentRecord, ...]

    def fold(self) -> Fold:
        """Return what the held alerts of the service itself add."""
        return fold(map(event_of, self._own(self.before)), map(event_of, self._own(self.held)))

    @property
    def linked(self) -> tuple[IncidentRecord, ...]:
        """The held incidents of other services, which fail by the same cause."""
        return tuple(one for one in self.held if self.leader and one.service_name != self.leader.service_name)

    def _own(self, records: tuple[IncidentRecord, ...]) -> list[IncidentRecord]:
        return [one for one in records if self.leader is None or one.service_name == self.leader.service_name]


def read(store: TraceStore, carrier: IncidentRecord) -> History:
    """Return the history of the incident that `carrier` continues. Raises what the store raises."""
    held = (carrier, *store.followers(carrier.incident_id, MAX_ALERTS))
    leader = store.incident(carrier.hold.follows) if carrier.hold and carrier.hold.follows else None
    if leader is None:
        return History(None, (), held)
    direct = [one for one in store.followers(leader.incident_id, MAX_ALERTS) if one.incident_id != carrier.incident_id]
    earlier = [one for one in direct if one.hold and one.hold.leads]
    updates = [record for one in earlier for record in store.followers(one.incident_id, MAX_ALERTS)]
    return History(leader, (leader, *direct, *updates), held)
