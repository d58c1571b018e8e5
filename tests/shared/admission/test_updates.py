"""Alerts that join an update while its carrier is published: none is lost, however they race."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from threading import Event

import pytest

from shared import clock
from shared.admission.service_window import update_key
from shared.admission.updates import join_update
from shared.contracts import Outcome
from shared.errors import Unavailable
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord

LEADER = "inc-leader"
MERGED = Outcome(kind="merged", merged_into=LEADER)


@pytest.fixture
def store(store: EmbeddedTraces) -> EmbeddedTraces:
    """A trace store with a published incident."""
    moment = clock.now()
    store.open_incident(IncidentRecord(LEADER, "checkout", "closed", moment, moment, {}, outcome={"kind": "full"}))
    return store


def join(store: EmbeddedTraces, number: int) -> str:
    """Open one more incident and let it join."""
    incident_id, moment = f"inc-{number}", clock.now()
    store.open_incident(IncidentRecord(incident_id, "checkout", "open", moment, moment, {}))
    return join_update(store, incident_id, LEADER, MERGED, timedelta(0))


def test_first_is_held_and_the_others_follow_it(store: EmbeddedTraces) -> None:
    """The second attempt of the first changes nothing."""
    became = [join(store, number) for number in range(3)]
    again = join_update(store, "inc-0", LEADER, MERGED, timedelta(0))

    assert (became, again) == (["held", "merged", "merged"], "held")
    assert {record.incident_id for record in store.followers("inc-0")} == {"inc-1", "inc-2"}
    carrier = store.incident("inc-0")
    assert carrier is not None
    assert carrier.merged_alerts == 2


def test_none_of_a_storm_is_lost_between_two_carriers(store: EmbeddedTraces) -> None:
    """Three hundred alerts join while carriers give their lease back, read and close, as the sweeper does."""
    read: list[str] = []
    is_over = Event()

    def publish_once() -> None:
        for carrier in store.held_incidents(clock.now(), 10):
            store.release(update_key(LEADER), carrier.incident_id)
            read.extend([carrier.incident_id, *(one.incident_id for one in store.followers(carrier.incident_id))])
            store.close_incident(carrier.incident_id, {"kind": "update"})

    def publish_all() -> None:
        while not is_over.is_set():
            publish_once()

    def delivered(number: int) -> str:
        """Join as a message does, which is delivered again when carriers changed too fast."""
        while not is_over.is_set():
            with suppress(Unavailable):
                return join(store, number)
        return "given up"

    with ThreadPoolExecutor(17) as pool:
        publisher = pool.submit(publish_all)
        publisher.add_done_callback(lambda _: is_over.set())
        became = list(pool.map(delivered, range(300)))
        is_over.set()
        publisher.result(30)
    publish_once()

    assert became.count("held") > 1
    assert sorted(set(read)) == sorted(f"inc-{number}" for number in range(300))
    assert store.incidents(state="open") == []
