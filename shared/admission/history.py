"""Reads the alerts of one published incident: those before, and those that a held one carries."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from shared.admission.folding import AlertEvent, Fold, event_of, fold
from shared.traces.port import IncidentRecord, TraceStore

MAX_ALERTS = 500
"""How many alerts of one incident, and of one update, are read; more are counted."""
MAX_CARRIERS = 50
"""Of how many other services one update reads all alerts."""


@dataclass(frozen=True)
class History:
    """
    An incident, what the alerts of its service merged into it said, and the alerts held for its next update.

    Of the held ones the carrier is first.
    """

    leader: IncidentRecord | None
    before: tuple[AlertEvent, ...]
    held: tuple[IncidentRecord, ...]

    def fold(self) -> Fold:
        """Return what the held alerts of the service itself add."""
        return fold(self.before, (event_of(one) for one in self.held if _is_own(one, self.leader)))

    @property
    def last_at(self) -> datetime:
        """When the last held alert came."""
        return max(event_of(one).at for one in self.held)

    @property
    def linked(self) -> tuple[IncidentRecord, ...]:
        """The held incidents of other services, which fail by the same cause."""
        return tuple(one for one in self.held if self.leader and one.service_name != self.leader.service_name)

    @property
    def linked_services(self) -> tuple[Counter[str], tuple[str, ...]]:
        """How many alerts fired of each other service that still fails, and the services whose alerts have ended."""
        by_service: defaultdict[str, list[AlertEvent]] = defaultdict(list)
        for one in self.linked:
            by_service[one.service_name].append(event_of(one))
        failing = {name for name, events in by_service.items() if fold((), events).firing}
        fired = {name: sum(event.status == "firing" for event in by_service[name]) for name in sorted(failing)}
        return Counter(fired), tuple(sorted(by_service.keys() - failing))


def _is_own(record: IncidentRecord, leader: IncidentRecord | None) -> bool:
    return leader is None or record.service_name == leader.service_name


def read(store: TraceStore, carrier: IncidentRecord) -> History:
    """Return the history of the incident that `carrier` continues. Raises what the store raises."""
    direct = store.followers(carrier.incident_id, MAX_ALERTS)
    # What carried the alerts of another service by the same cause has these behind it.
    carriers = [one for one in direct if one.merged_alerts and one.service_name != carrier.service_name]
    behind = [each for one in carriers[:MAX_CARRIERS] for each in store.followers(one.incident_id, MAX_ALERTS)]
    held = (carrier, *direct, *behind)
    leader = store.incident(carrier.hold.follows) if carrier.hold and carrier.hold.follows else None
    if leader is None:
        return History(None, (), held)
    joined = [one for one in store.followers(leader.incident_id, MAX_ALERTS) if one.incident_id != carrier.incident_id]
    earlier = (one for one in joined if one.hold and one.hold.leads)
    updates = (record for one in earlier for record in store.followers(one.incident_id, MAX_ALERTS))
    # In a storm there are thousands of them, so what is not needed of each is not kept.
    before = tuple(event_of(one) for one in chain((leader,), joined, updates) if _is_own(one, leader))
    return History(leader, before, held)
