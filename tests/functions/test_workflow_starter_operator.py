"""What people ask for in the console, carried out: nothing is silent, nothing happens twice."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import functions_framework
import pytest
from pydantic import ValidationError

from functions.workflow_starter.carry_out_request import carry_out
from infra import bundle
from shared import clock, traces
from shared.admission import maintenance, mutes, operator_journal
from shared.admission.operator_requests import AGENT, ATTRIBUTE, OperatorRequest
from shared.admission.settings import BrakeSettings
from shared.cloud import pubsub
from shared.contracts import Alert
from shared.errors import Rejected
from tests import storm as storms
from tests.builders import trace_of
from tests.storm import Storm

ADA = "ada@example.com"


@pytest.fixture
def storm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storm]:
    """A system in virtual time."""
    opened = storms.opened(tmp_path, monkeypatch)
    yield opened
    opened.store.close()


def carried_out(storm: Storm, kind: str, **more: Any) -> OperatorRequest:
    """Carry out a request that a person makes now; return it."""
    facts = {"request_id": f"request-{storm.moment:%H%M%S}-{kind}", "kind": kind, "by": ADA, "at": storm.moment}
    request = OperatorRequest.model_validate({"service_name": "checkout", **facts, **more})
    carry_out(request, storm.store, lambda alert: storm.deliver(alert, is_by_hand=True))
    return request


def by_hand(storm: Storm, number: int = 1, service: str = "checkout") -> Alert:
    """Return the alert of an investigation that a person starts."""
    moment = storm.moment
    facts: dict[str, Any] = {"start": moment - timedelta(minutes=15), "end": moment, "received_at": moment}
    return Alert(incident_id=f"inc-byhand-{number:06}", service_name=service, alert_name="Started by hand", **facts)


def test_muted_services_alerts_end_in_one_digest_that_names_who_until_when(storm: Storm) -> None:
    """They are held, also those that would be an update of the brief before; other services are not muted."""
    storm.fire()
    storm.wait(120)
    carried_out(storm, "mute", minutes=60)
    assert storm.fire(fingerprint="checkout-2") == "held"
    assert storm.fire("payments") == "started"
    storm.wait(60)
    storm.fire(fingerprint="checkout-2", status="resolved")
    storm.wait(3500)
    assert storm.kinds() == {"degraded": 2}
    storm.wait(300)

    assert storm.kinds() == {"degraded": 2, "maintenance": 1}
    digest = storm.mails[-1]
    assert digest.subject.endswith("checkout, muted by ada[@]example.com until 04:02 UTC")
    assert "checkout: HighErrorRate" in digest.text
    assert storm.unaccounted() == []
    assert mutes.mute_of(storm.store, "checkout") is None


def test_what_still_fires_after_the_mute_is_investigated(storm: Storm) -> None:
    """An hour of silence hides no fault that goes on."""
    carried_out(storm, "mute", minutes=10)
    assert storm.fire() == "held"
    assert storm.started == []
    storm.wait(900)

    assert len(storm.started) == 1
    assert storm.kinds() == {"degraded": 1, "maintenance": 1}
    assert storm.unaccounted() == []


def test_unmuted_service_is_heard_again(storm: Storm) -> None:
    """What was held meanwhile is settled by the next sweep."""
    carried_out(storm, "mute")
    storm.fire()
    storm.wait(60)
    carried_out(storm, "unmute")
    storm.wait(180)

    assert storm.kinds() == {"degraded": 1, "maintenance": 1}
    assert mutes.mute_of(storm.store, "checkout") is None
    assert operator_journal.entries(storm.store)[0].became == "1 held"


def test_shorter_mute_holds_nothing_longer_than_itself(storm: Storm) -> None:
    """Whoever mutes again for a shorter time takes what the first mute held along."""
    carried_out(storm, "mute", minutes=1440)
    assert storm.fire() == "held"
    storm.wait(300)
    carried_out(storm, "mute", minutes=15)
    storm.wait(1200)

    assert storm.started == [storm.accepted[0]]
    assert storm.store.incidents(state="held") == []
    assert storm.unaccounted() == []


def test_longer_mute_takes_over_what_is_held_without_a_message(storm: Storm) -> None:
    """Nobody gets a digest of no alerts; that of the second mute names them."""
    carried_out(storm, "mute", minutes=60)
    assert storm.fire() == "held"
    storm.wait(40)
    carried_out(storm, "mute", minutes=120)
    storm.wait(600)
    assert storm.mails == []
    storm.wait(8000)

    assert storm.kinds() == {"degraded": 1, "maintenance": 1}
    assert storm.unaccounted() == []
    assert storm.store.incidents(state="held") == []


def test_unmuted_service_is_heard_again_though_it_was_muted_twice(storm: Storm) -> None:
    """What the first of two mutes held is released with the second."""
    carried_out(storm, "mute")
    assert storm.fire() == "held"
    storm.wait(40)
    carried_out(storm, "mute", by="bob@example.com")
    carried_out(storm, "unmute")
    storm.wait(180)

    assert storm.started == [storm.accepted[0]]
    assert storm.unaccounted() == []


def test_mute_takes_the_place_of_an_earlier_one_and_leaves_planned_maintenance(storm: Storm) -> None:
    """A service has one mute; a name with marks of a pattern is that service alone."""
    until = storm.moment + timedelta(hours=5)
    planned = maintenance.MaintenanceWindow(
        name="move", matchers={"service_name": "checkout"}, start=storm.moment, until=until
    )
    maintenance.set_windows(storm.store, [planned])
    carried_out(storm, "mute", service_name="shop*[1]")
    storm.wait(60)
    carried_out(storm, "mute", service_name="shop*[1]")
    carried_out(storm, "unmute")

    names = [window.name for window in maintenance.windows(storm.store)]
    assert names == ["move", "shop*[1], muted by ada@example.com until 04:01 UTC"]
    assert storm.fire("shopper1") == "started"
    assert storm.fire("shop*[1]") == "held"


def test_services_of_like_long_names_have_mutes_of_their_own(storm: Storm) -> None:
    """The name of a window is short; that of one service's mute is never another one's."""
    reads, writes = (f"team-{'a' * 80}-{work}" for work in ("read", "write"))
    carried_out(storm, "mute", service_name=reads)
    storm.wait(1)
    carried_out(storm, "mute", service_name=writes)
    assert len({window.name for window in maintenance.windows(storm.store)}) == 2
    storm.wait(1)
    carried_out(storm, "unmute", service_name=writes)

    assert storm.fire(writes) == "started"
    assert storm.fire(reads) == "held"


@pytest.mark.parametrize("service", ["a" * 199 + "*", "*" * 200])
def test_service_whose_name_fits_no_pattern_cannot_be_muted(storm: Storm, service: str) -> None:
    """A pattern that is cut would mute another service, or none."""
    with pytest.raises(Rejected, match=r"cannot be muted: .*at most 200 characters"):
        carried_out(storm, "mute", service_name=service)
    assert maintenance.windows(storm.store) == []


def test_investigation_by_hand_starts_though_the_service_was_just_published_or_is_muted(storm: Storm) -> None:
    """An alert would be an update, or held; a person who asks gets a brief of its own."""
    storm.fire()
    storm.wait(120)
    carried_out(storm, "investigate", alert=by_hand(storm))
    assert storm.started[-1] == "inc-byhand-000001"
    storm.wait(120)
    carried_out(storm, "mute")
    carried_out(storm, "investigate", alert=by_hand(storm, 2))
    storm.wait(120)

    assert storm.started[-1] == "inc-byhand-000002"
    assert storm.kinds() == {"degraded": 3}


def test_investigation_by_hand_joins_one_that_is_under_way(storm: Storm) -> None:
    """One service is one incident; the journal says what the request became."""
    storm.fire()
    carried_out(storm, "investigate", alert=by_hand(storm))

    assert len(storm.started) == 1
    assert operator_journal.entries(storm.store)[0].became == "merged"


def test_investigation_by_hand_starts_though_an_alert_of_the_service_is_held(storm: Storm) -> None:
    """A mute or a brake lets alerts wait, not the person who asks; what waits belongs to what is published."""
    carried_out(storm, "mute", minutes=10)
    assert storm.fire() == "held"
    carried_out(storm, "investigate", alert=by_hand(storm))
    assert storm.started == ["inc-byhand-000001"]
    storm.brakes = BrakeSettings(investigations_per_service_per_hour=1)
    assert storm.fire("payments") == "started"
    storm.wait(1900)
    assert storm.fire("payments", fingerprint="payments-2") == "held"
    assert storm.record(storm.accepted[-1]).hold.reason == "brake"  # type: ignore[union-attr]
    storm.brakes = BrakeSettings()
    carried_out(storm, "investigate", alert=by_hand(storm, 2, "payments"), service_name="payments")

    assert storm.started[-1] == "inc-byhand-000002"
    storm.wait(3600)
    assert storm.unaccounted() == []


def paused(storm: Storm) -> None:
    """Set the window of `make pause`."""
    until = storm.moment + timedelta(hours=24)
    stop = maintenance.MaintenanceWindow(
        name=maintenance.STOP, matchers={"service_name": "*"}, start=storm.moment, until=until
    )
    maintenance.set_windows(storm.store, [*maintenance.windows(storm.store), stop])


def test_nothing_starts_while_everything_is_paused(storm: Storm) -> None:
    """Neither a test of the connection nor what a person starts; the journal says why, and it starts afterwards."""
    paused(storm)
    assert storm.fire("payments", is_test=True) == "held"
    carried_out(storm, "investigate", alert=by_hand(storm))
    assert storm.started == []
    assert operator_journal.entries(storm.store)[0].became == "held: everything is paused"
    storm.wait(300)
    mutes.end_window(storm.store, maintenance.STOP)
    storm.wait(120)

    assert sorted(storm.started) == [storm.accepted[0], "inc-byhand-000001"]


def test_pause_is_possible_however_many_services_are_muted(storm: Storm) -> None:
    """People who mute cannot keep the operator from stopping everything."""
    for number in range(maintenance.MAX_WINDOWS):
        mutes.mute(storm.store, f"service-{number}", ADA, storm.moment + timedelta(hours=24))
    paused(storm)

    assert storm.fire() == "held"
    with pytest.raises(Rejected, match="101 maintenance windows, at most 100"):
        mutes.mute(storm.store, "one-more", ADA, storm.moment + timedelta(hours=24))


def test_judgement_stands_in_the_trace_and_in_the_journal_once(storm: Storm) -> None:
    """However often Pub/Sub delivers it; it is no answer of a step."""
    storm.fire()
    incident_id = storm.accepted[0]
    request = carried_out(storm, "judge", incident_id=incident_id, verdict="wrong", note="It was DNS.", cause="Disk.")
    for _ in range(3):
        carry_out(request, storm.store, lambda _: "started")

    (entry,) = operator_journal.entries(storm.store)
    assert (entry.verdict, entry.note, entry.by, entry.cause) == ("wrong", "It was DNS.", ADA, "Disk.")
    (run,) = trace_of(storm.store, incident_id)["traces"][AGENT]
    assert run["agent_input"]["verdict"] == "wrong"
    assert AGENT not in storm.store.answers(incident_id)


def test_journal_keeps_the_newest_within_one_document(storm: Storm) -> None:
    """Whatever people write, it stays under Firestore's 1 MiB."""
    words = "\U0001f525" * 900
    for n in range(operator_journal.MAX_ENTRIES + 5):
        entry = operator_journal.JournalEntry(
            request_id=f"request-{n:04}", kind="judge", by=ADA, at=storm.moment + timedelta(seconds=n),
            service_name="\U0001f525" * 200, incident_id="i" * 255, verdict="right", cause=words, note=words,
        )  # fmt: skip
        operator_journal.add(storm.store, entry)

    stored = operator_journal.entries(storm.store)
    assert len(stored) == operator_journal.MAX_ENTRIES
    assert stored[0].request_id == "request-0154"
    lease = storm.store.lease(operator_journal.KEY)
    assert lease is not None
    assert len(str(lease.value).encode()) < 1_048_576


def test_request_about_no_incident_is_rejected(storm: Storm) -> None:
    """It is dead-lettered, as no later attempt could carry it out."""
    with pytest.raises(Rejected, match="does not exist"):
        carried_out(storm, "acknowledge", incident_id="inc-absent")


@pytest.mark.parametrize(
    "wrong", [{"kind": "judge", "incident_id": "inc-1"}, {"kind": "investigate"}, {"kind": "acknowledge"},
              {"kind": "mute", "minutes": 100_000}, {"kind": "delete"}, {"kind": "mute", "service_name": ""}]
)  # fmt: skip
def test_request_that_lacks_what_its_kind_needs_is_none(wrong: dict[str, Any]) -> None:
    """It never reaches the bus."""
    facts = {"request_id": "request-1", "by": ADA, "at": clock.now(), "service_name": "checkout"}

    with pytest.raises(ValueError, match=r".+"):
        OperatorRequest.model_validate({**facts, **wrong})


@pytest.mark.parametrize("at", [timedelta(minutes=6), "2099-01-01T00:00Z", "9999-12-31T23:59:59Z",
                                "9999-12-31T23:59:59-09:00", "0001-01-01T00:00:00+09:00"])  # fmt: skip
def test_request_of_the_future_is_none(at: timedelta | str) -> None:
    """It could mute a service for years, and push what people did out of the journal."""
    facts = {"request_id": "request-1", "kind": "mute", "by": ADA, "service_name": "checkout"}
    at = (clock.now() + at).isoformat() if isinstance(at, timedelta) else at

    with pytest.raises(ValidationError, match="at"):
        OperatorRequest.model_validate({**facts, "at": at})


@pytest.mark.parametrize("ahead", [timedelta(minutes=4), timedelta(days=-1)])
def test_mute_lasts_its_minutes_from_now_at_most(storm: Storm, ahead: timedelta) -> None:
    """A clock that is ahead makes it no longer, one long ago leaves none."""
    carried_out(storm, "mute", minutes=60, at=storm.moment + ahead)

    mute = mutes.mute_of(storm.store, "checkout")
    assert (mute.until if mute else None) == (storm.moment + timedelta(hours=1) if ahead > timedelta() else None)


def test_message_with_the_attribute_is_a_request(storm: Storm, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is none is dead-lettered and opens no incident."""
    dead: list[str] = []
    monkeypatch.setattr(traces, "connect", lambda: storm.store)
    monkeypatch.setattr(
        pubsub, "connect", lambda: type("Bus", (), {"dead_letter": lambda _, __, why: dead.append(why)})()
    )
    main = bundle.ROOT / "functions" / "workflow_starter" / "main.py"
    client = functions_framework.create_app("workflow_starter", str(main), "cloudevent").test_client()
    request = OperatorRequest(
        request_id="request-1", kind="mute", by=ADA, at=storm.moment, service_name="checkout", minutes=5
    )

    def pushed(text: str) -> int:
        data = base64.b64encode(text.encode()).decode()
        message = {"data": data, "messageId": "1", "attributes": {ATTRIBUTE: "mute"}}
        body = {"message": message, "subscription": "s"}
        status: int = client.post("/projects/p/topics/incident-alerts", json=body).status_code
        return status

    assert pushed(request.model_dump_json()) == 200
    assert mutes.mute_of(storm.store, "checkout") is not None
    assert pushed('{"kind": "mute"}') == 200
    assert len(dead) == 1
    assert storm.store.incidents() == []


def test_tests_of_the_connection_have_a_brake_of_their_own(storm: Storm) -> None:
    """Whoever may send alerts may send tests, and each is a message to people; alerts do not wait for them."""
    became = [storm.fire(f"service-{number}", is_test=True) for number in range(12)]

    assert (became.count("started"), became.count("held")) == (10, 2)
    assert storm.fire() == "started"
