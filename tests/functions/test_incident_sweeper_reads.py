"""What a sweep reads, and so what it costs: counted as Firestore bills it, however many incidents have ended."""

import time
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from functions.incident_sweeper.changed_incidents import MAX_CHANGED, Reach, in_need
from functions.incident_sweeper.held_alerts import HeldAlerts
from functions.incident_sweeper.last_message import LastChannels
from functions.incident_sweeper.sweep import Sweep, SweepSettings
from infra.costs import estimate
from shared import clock
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.contracts import Outcome
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord
from tests.functions.test_incident_sweeper import FakeExecutions, FakePublisher, People, later, opened

REACH = Reach(timedelta(days=1), timedelta(days=1))
DELIVERED = Outcome(kind="full", mail_status="sent", hook_status="called", deliveries={"mail": "done", "hook": "done"})
HALF = Outcome(kind="full", mail_status="sent", hook_status="failed", deliveries={"mail": "done", "hook": "failed"})


class CountingStore:
    """A store that counts documents read and written; a query that returns nothing is billed as one read."""

    def __init__(self, store: EmbeddedTraces) -> None:
        self._store = store
        self.reads: Counter[str] = Counter()
        self.writes: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)

        def counted(*arguments: Any, **options: Any) -> Any:
            answer = method(*arguments, **options)
            if name not in ("keep_text", "open_incident", "record_run"):
                self.reads[name] += max(1, len(answer)) if isinstance(answer, list | dict) else 1
            if name not in ("incident", "incidents", "held_incidents", "changed_incidents", "followers", "lease"):
                self.writes[name] += 1
            return answer

        return counted


def swept(store: EmbeddedTraces, **changes: Any) -> CountingStore:
    """Run all of one sweep; return what was counted."""
    counting, people, publisher = CountingStore(store), People(), FakePublisher()
    channels = LastChannels(lambda: people, lambda: people, lambda: ("ada@example.com",))
    settings = SweepSettings(**changes)
    Sweep(counting, FakeExecutions(), publisher, settings, timedelta(minutes=15), channels).run(time.monotonic)
    held = HeldAlerts(
        counting, publisher, lambda: pytest.fail("no bus"), channels, settings, CoalescingSettings(), BrakeSettings()
    )
    held.run(time.monotonic, time.monotonic() + 30)
    return counting


def ended(store: EmbeddedTraces, number: int, outcome: Outcome = DELIVERED) -> str:
    """Open and close an incident; return its id."""
    incident_id = opened(store, timedelta(minutes=1), number)
    store.close_incident(incident_id, outcome.model_dump(mode="json"))
    return incident_id


@pytest.mark.parametrize("count", [0, 300])
def test_quiet_sweep_reads_what_the_cost_table_says_and_writes_nothing(
    store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """However many incidents have ended: three states, the note of what needs a delivery, and what changed."""
    for number in range(count):
        ended(store, number)
    for _ in range(3):
        swept(store)
        later(monkeypatch, 180)

    counted = swept(store)

    assert dict(counted.reads) == {"incidents": 2, "lease": 1, "changed_incidents": 1, "held_incidents": 1}
    assert counted.reads.total() == estimate.SWEEP_READS
    assert counted.writes.total() == 0


def test_delivery_that_waits_costs_two_reads_and_not_all_the_others(
    store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred incidents only the one that a channel did not deliver is read: itself and its retries."""
    for number in range(100):
        ended(store, number, HALF if number == 7 else DELIVERED)
    for _ in range(3):
        swept(store, delivery_retry_seconds=3600)
        later(monkeypatch, 180)

    counted = swept(store, delivery_retry_seconds=3600)

    # Its retries are noted in a lease, which is only read while none is due.
    assert counted.reads.total() == estimate.SWEEP_READS + 2
    assert (counted.reads["incident"], counted.reads["claim"]) == (1, 1)


def test_incident_is_kept_while_it_needs_a_delivery_and_no_longer(
    store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own id is noted, so it is read again though it does not change; once it needs nothing it is dropped."""
    needy, _ = ended(store, 1, HALF), ended(store, 2)
    wanted = {needy}

    def needs(record: IncidentRecord) -> bool:
        return record.incident_id in wanted

    ids = []
    for _ in range(3):
        ids.append([record.incident_id for record in in_need(store, clock.now(), REACH, needs)])
        later(monkeypatch, 600)
    wanted.clear()
    in_need(store, clock.now(), REACH, needs)
    wanted.add(needy)

    assert ids == [[needy]] * 3
    assert in_need(store, clock.now(), REACH, needs) == []


def test_change_is_seen_though_its_time_is_a_little_old(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write may become visible after a sweep that is later than its time."""
    real = clock.now()
    in_need(store, real, REACH, lambda _: True)
    slow = ended(store, 1)

    assert [one.incident_id for one in in_need(store, real + timedelta(seconds=90), REACH, lambda _: True)] == [slow]


def test_more_changes_than_one_sweep_reads_are_read_by_the_next(store: EmbeddedTraces) -> None:
    """A storm hides no delivery."""
    ids = {ended(store, number) for number in range(MAX_CHANGED + 5)}
    seen: set[str] = set()

    for _ in range(2):
        seen |= {record.incident_id for record in in_need(store, clock.now(), REACH, lambda _: True)}

    assert seen == ids


def test_note_that_cannot_be_read_is_made_anew(store: EmbeddedTraces) -> None:
    """Then the day before is read again."""
    needy = ended(store, 1)
    store.claim("sweep:changed", "incident_sweeper", clock.now() + timedelta(days=1), {"since": "yesterday"})

    assert [record.incident_id for record in in_need(store, clock.now(), REACH, lambda _: True)] == [needy]
