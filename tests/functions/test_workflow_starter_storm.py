"""A storm of alerts becomes few messages, and no alert is lost in it: starter, sweeper and post_process together."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.alert_intake.parse_alerts import Rules, read
from infra.operate import maintenance_windows
from shared.admission import maintenance, mutes
from shared.admission.maintenance import MaintenanceWindow
from shared.errors import Rejected
from shared.outbox.last_message import brief_message_id
from tests import storm as storms
from tests.storm import Storm

Open = Callable[..., Storm]


@pytest.fixture
def storm_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Return how to begin a storm, with settings."""
    begun: list[Storm] = []

    def open_storm(**settings: Any) -> Storm:
        begun.append(storms.opened(tmp_path, monkeypatch, **settings))
        return begun[-1]

    yield open_storm
    for storm in begun:
        storm.store.close()


def test_thirty_rules_of_one_service_in_a_minute_are_one_brief_and_one_update(storm_of: Open) -> None:
    """The first is investigated; those that come after its brief are counted and named in one answer to its mail."""
    storm = storm_of()

    for n in range(30):
        storm.fire(fingerprint=f"rule-{n}", alert_name=f"Rule{n}")
        storm.wait(2)
    storm.wait(900)

    assert storm.kinds() == {"degraded": 1, "update": 1}
    brief, update = storm.mails
    assert update.in_reply_to == brief.message_id == brief_message_id(storm.started[0])
    assert update.subject == f"Re: {brief.subject}"
    assert "Rule29" in update.text or "more rules" in update.text
    assert len(storm.started) == 1
    assert storm.unaccounted() == []


def test_alert_after_the_merge_window_is_investigated(storm_of: Open) -> None:
    """What the brief found may no longer be true half an hour later."""
    storm = storm_of()
    storm.fire()
    storm.wait(1900)

    assert storm.fire(fingerprint="other") == "started"


def test_alert_joins_an_incident_that_reached_nobody_yet(storm_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its brief is sent again until somebody has it, so a second investigation would say nothing sooner."""
    storm = storm_of()

    def fail(*_: object, **__: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(storm, "send", fail)
        patch.setattr(storm, "call", fail)
        storm.fire()
        storm.wait(10)

    assert storm.fire(fingerprint="other") == "merged"
    storm.wait(900)
    assert storm.fire(fingerprint="third") == "started"


def test_repeats_of_one_alert_are_no_update(storm_of: Open) -> None:
    """The same alert again, with another id but since the same time, says nothing that the brief does not say."""
    storm = storm_of()
    storm.fire(started_at=storms.START)
    storm.wait(10)
    for _ in range(5):
        storm.fire(started_at=storms.START)
        storm.wait(60)
    storm.wait(600)

    assert storm.kinds() == {"degraded": 1}
    assert storm.unaccounted() == []


def test_plain_body_sent_twice_within_seconds_is_one_incident(storm_of: Open) -> None:
    """Without a fingerprint and a start the same words within a minute are one alert, sent twice."""
    storm = storm_of(flap_hold_seconds=60)
    for seconds in (7, 7, 600):
        storm.fire(fingerprint="", started_at=None)
        storm.wait(seconds)

    assert storm.kinds() == {"degraded": 1}
    assert storm.unaccounted() == []


def test_flapping_is_one_brief_few_updates_and_one_end(storm_of: Open) -> None:
    """Every 20 s for ten minutes: at most one update for each hold, and its end is sent once, after it has lasted."""
    storm = storm_of()
    for _ in range(15):
        storm.fire()
        storm.wait(20)
        storm.fire(status="resolved")
        storm.wait(20)
    storm.wait(1200)

    kinds = storm.kinds()
    assert (kinds["degraded"], kinds["resolved"]) == (1, 1)
    assert kinds["update"] <= 600 // storm.coalescing.flap_hold_seconds
    assert sum(kinds.values()) == 2 + kinds["update"]
    assert storm.calls[-1][0]["kind"] == "resolved"
    assert {mail.in_reply_to for mail in storm.mails[1:]} == {storm.mails[0].message_id}
    assert len(storm.started) == 1
    assert storm.unaccounted() == []


def test_what_ends_while_it_is_held_is_not_sent(storm_of: Open) -> None:
    """A second alert that fires and ends within the hold, while the first still fires, costs nobody a mail."""
    storm = storm_of()
    storm.fire()
    storm.wait(10)
    storm.fire(fingerprint="other")
    storm.wait(30)
    storm.fire(fingerprint="other", status="resolved")
    storm.wait(600)

    assert storm.kinds() == {"degraded": 1}
    assert storm.unaccounted() == []


def test_end_of_one_of_two_alerts_is_no_end(storm_of: Open) -> None:
    """An incident ends when none of its alerts fires."""
    storm = storm_of()
    storm.fire()
    storm.fire(fingerprint="other")
    storm.wait(10)
    storm.fire(status="resolved")
    storm.wait(600)
    assert storm.kinds() == {"degraded": 1}

    storm.fire(fingerprint="other", status="resolved")
    storm.wait(600)

    assert storm.kinds() == {"degraded": 1, "resolved": 1}


def test_alert_after_the_end_is_investigated(storm_of: Open) -> None:
    """Once the end was sent the service is free: what fires then is a new incident."""
    storm = storm_of()
    storm.fire()
    storm.wait(10)
    storm.fire(status="resolved")
    storm.wait(300)

    assert storm.kinds() == {"degraded": 1, "resolved": 1}
    assert storm.fire() == "started"


def test_end_before_the_brief_is_sent_after_it(storm_of: Open) -> None:
    """An alert that ends while it is investigated still gets its brief first, and then its end."""
    storm = storm_of()
    storm.work = timedelta(minutes=4)
    storm.fire()
    storm.wait(5)
    storm.fire(status="resolved")
    storm.wait(900)

    assert [payload["kind"] for payload, _ in storm.calls] == ["degraded", "resolved"]


def test_alert_after_a_brief_that_saw_no_harm_is_held_and_then_investigated(storm_of: Open) -> None:
    """Seen as healthy is no reason to ignore what fires next; it is held as any that follows, then investigated."""
    storm = storm_of()
    storm.verdicts["checkout"] = "healthy"
    storm.fire()
    storm.wait(10)
    assert storm.kinds() == {"dismissed": 1}

    storm.verdicts["checkout"] = "incident"
    second = storm.fire(fingerprint="other")
    storm.wait(300)

    assert second == "held"
    assert storm.kinds() == {"dismissed": 1, "degraded": 1}
    assert len(storm.started) == 2
    assert storm.unaccounted() == []


def test_fifty_services_at_once_send_no_more_mails_than_the_brake(storm_of: Open) -> None:
    """What is over the brake is listed in one message with how to release it; the most severe are investigated."""
    storm = storm_of(investigations_per_hour=12, mails_per_recipient_per_hour=20)
    for n in range(50):
        severity = "critical" if n in (45, 46) else "warning"
        storm.fire(f"service-{n}", labels={"severity": severity})
    storm.wait(600)

    kinds = storm.kinds()
    assert kinds == {"degraded": 12, "umbrella": 1}
    assert len(storm.mails) <= 20
    assert {"service-45", "service-46"} <= {payload["service_name"] for payload, _ in storm.calls}
    (umbrella,) = (mail for mail in storm.mails if "INVESTIGATIONS_PER_HOUR" in mail.subject)
    assert "raise INVESTIGATIONS_PER_HOUR" in umbrella.text
    assert all(f"service-{n}:" in umbrella.text for n in range(12, 50) if n not in (45, 46))
    storm.wait(3600 * 2)
    assert len(storm.mails) <= 20 * 3
    assert storm.unaccounted() == []


def test_held_alert_is_as_severe_as_the_worst_that_joined_it(storm_of: Open) -> None:
    """What is investigated first must not hang on which alert of a service came first."""
    storm = storm_of(investigations_per_hour=3)
    for n in range(8):
        storm.fire(f"service-{n}", labels={"severity": "high" if n < 6 else "warning"})
    storm.fire("service-7", labels={"severity": "critical"}, fingerprint="other")
    storm.wait(600)

    assert "service-7" in {payload["service_name"] for payload, _ in storm.calls}


def test_mails_of_any_hour_stay_within_the_brake(storm_of: Open) -> None:
    """Briefs, updates and lists together: no hour has more than the setting."""
    storm = storm_of(mails_per_recipient_per_hour=10)
    sent: list[Any] = []
    for n in range(240):
        storm.fire(f"service-{n % 40}", fingerprint=f"rule-{n}", labels={"severity": "critical"})
        storm.wait(30)
        sent += [storm.moment] * (len(storm.mails) - len(sent))
    for _ in range(12 * 60):
        storm.wait(60)
        sent += [storm.moment] * (len(storm.mails) - len(sent))

    in_an_hour = [sum(0 <= (other - moment).total_seconds() < 3600 for other in sent) for moment in sent]
    assert max(in_an_hour) <= 10
    assert storm.unaccounted() == []


def test_held_alert_that_ends_is_not_investigated(storm_of: Open) -> None:
    """The end of what a brake holds cancels its investigation; the list named it."""
    storm = storm_of(investigations_per_hour=2)
    for n in range(5):
        storm.fire(f"service-{n}")
    storm.wait(120)
    for n in range(5):
        storm.fire(f"service-{n}", status="resolved")
    storm.wait(7200)

    assert storm.kinds() == {"degraded": 2, "umbrella": 1, "resolved": 2}
    assert storm.store.incidents(state="held") == []
    assert storm.unaccounted() == []


def test_message_of_held_alerts_survives_an_outage_of_post_process(storm_of: Open) -> None:
    """While post_process is down for minutes the sweeper itself sends a last message; nothing stays held."""
    storm = storm_of()
    storm.fire()
    storm.wait(10)
    storm.fire(fingerprint="other", alert_name="Other")
    storm.is_post_process_up = False
    storm.wait(1200)

    assert len(storm.mails) == 2
    assert "could not be sent" in storm.mails[1].subject
    assert storm.store.incidents(state="held") == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["checkout", "payments", "cart"]),
        st.sampled_from(["firing", "firing", "resolved"]),
        st.sampled_from(["a", "b", ""]),
        st.sampled_from([0, 1, 20, 70, 400, 2000]),
    ),
    max_size=14,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS, healthy=st.sets(st.sampled_from(["checkout", "payments"])), hourly=st.sampled_from([2, 3, 30]))
def test_any_order_of_alerts_ends_with_each_in_a_message(
    steps: list[tuple[str, str, str, int]], healthy: set[str], hourly: int, tmp_path: Path
) -> None:
    """Whatever fires and ends, in whatever order and under tight brakes: nothing stays held, is lost or doubled."""
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory(dir=tmp_path) as folder:
        storm = storms.opened(Path(folder), patch, investigations_per_hour=hourly)
        storm.verdicts = dict.fromkeys(healthy, "healthy")
        for service, status, name, seconds in steps:
            storm.wait(seconds)
            storm.fire(service, status, fingerprint=name)
        storm.wait(4 * 3600)

        assert storm.store.incidents(state="held") == []
        assert storm.store.incidents(state="open") == []
        fired = {
            record.incident_id for record in storm.store.incidents(limit=500) if record.alert["status"] == "firing"
        }
        assert [incident_id for incident_id in storm.unaccounted() if incident_id in fired] == []
        keys = [key for _, key in storm.calls]
        assert len(keys) == len(set(keys))
        storm.store.close()


def test_ten_thousand_alerts_of_two_hundred_services_are_all_in_a_message(storm_of: Open) -> None:
    """Twenty senders with five hundred alerts each, as alert_intake folds them: mails within the brake, none lost."""
    storm = storm_of()
    for sender in range(20):
        labels = [{"service_name": f"service-{n % 200}", "alertname": f"Rule{n % 7}"} for n in range(500)]
        started = storm.moment.isoformat()
        entries = [
            {"labels": each, "fingerprint": f"{sender}-{n}", "startsAt": started} for n, each in enumerate(labels)
        ]
        rules = Rules(storm.moment, f"{sender}", ("service_name",), 900, "grafana")
        for alert in read({"alerts": entries}, rules).alerts:
            storm.take(alert)
        storm.wait(3)
    storm.wait(3600 * 3)

    kinds = storm.kinds()
    assert len(storm.accepted) == 4000
    assert storm.unaccounted() == []
    assert kinds["degraded"] <= 3 * storm.brakes.investigations_per_hour
    assert len(storm.mails) <= 3 * storm.brakes.mails_per_recipient_per_hour
    assert storm.store.incidents(state="held") == []


def maintained(storm: Storm, minutes: int, **matchers: str) -> None:
    """Set one window that begins now."""
    until = storm.moment + timedelta(minutes=minutes)
    window = MaintenanceWindow(name="move", matchers=matchers, start=storm.moment, until=until)
    maintenance.set_windows(storm.store, [window])


def test_maintenance_window_ends_in_one_digest(storm_of: Open) -> None:
    """What fires and ends within it is listed once, with how many alerts each service sent; others get their briefs."""
    storm = storm_of()
    maintained(storm, 30, service_name="shop-*")
    for n in range(6):
        storm.fire(f"shop-{n % 3}", fingerprint=f"rule-{n}")
        storm.fire("billing" if n == 0 else f"shop-{n % 3}", fingerprint=f"more-{n}")
        storm.wait(60)
    for n in range(6):
        for name in ("rule", "more"):
            storm.fire(f"shop-{n % 3}", status="resolved", fingerprint=f"{name}-{n}")
    storm.wait(1500)
    assert storm.kinds() == {"degraded": 1}
    storm.wait(600)

    assert storm.kinds() == {"degraded": 1, "maintenance": 1}
    digest = storm.mails[-1]
    assert digest.subject == "[maintenance] Incident CoPilot: 3 alerts during the maintenance window move"
    assert all(f"shop-{n}: HighErrorRate" in digest.text for n in range(3))
    assert digest.text.count("ended meanwhile") == 3
    assert storm.store.incidents(state="held") == []
    assert storm.unaccounted() == []


def test_alert_that_still_fires_after_maintenance_is_investigated(storm_of: Open) -> None:
    """A window hides nothing that outlives it."""
    storm = storm_of()
    maintained(storm, 10, service_name="checkout")
    assert storm.fire() == "held"
    storm.wait(900)

    assert storm.kinds() == {"degraded": 1, "maintenance": 1}
    assert len(storm.started) == 1
    assert storm.fire(fingerprint="other") == "held"
    assert storm.unaccounted() == [storm.accepted[-1]]


def test_maintenance_takes_only_what_matches_now(storm_of: Open) -> None:
    """Another label, another time or a test of the connection is no maintenance."""
    storm = storm_of()
    maintained(storm, 10, service_name="checkout", region="eu-*")

    assert storm.fire(labels={"region": "us-1"}) == "started"
    assert storm.fire("payments", labels={"region": "eu-1"}) == "started"
    storm.wait(700)
    assert storm.fire("checkout", fingerprint="x", labels={"region": "eu-1"}) == "held"
    assert storm.record(storm.accepted[-1]).hold.reason == "update"  # type: ignore[union-attr]


def test_removed_window_releases_what_it_held(storm_of: Open) -> None:
    """Ended early, the next sweep investigates what still fires, and the digest follows."""
    storm = storm_of()
    maintained(storm, 600, service_name="checkout")
    storm.fire()

    assert mutes.end_window(storm.store, "move") == 1
    storm.wait(180)

    assert storm.kinds() == {"degraded": 1, "maintenance": 1}
    with pytest.raises(Rejected, match="no maintenance window 'move'"):
        mutes.end_window(storm.store, "move")


@pytest.mark.parametrize(
    "text", ["", "{}", '{"name": "m", "matchers": {}, "start": "2026-03-14T00:00Z", "until": "2026-03-15T00:00Z"}',
             '{"name": "m", "matchers": {"a": "b"}, "start": "2026-03-13T00:00Z", "until": "2026-03-13T01:00Z"}']
)  # fmt: skip
def test_window_that_is_none_is_rejected(storm_of: Open, text: str) -> None:
    """Without matchers it would take every alert, and one that has ended takes none."""
    storm_of()

    with pytest.raises(Rejected):
        maintenance_windows.parsed(text)


def test_unreadable_windows_hold_nothing(storm_of: Open) -> None:
    """The trace may hold anything: what is no window is in the log, and its alerts are investigated."""
    storm = storm_of()
    until = storm.moment + timedelta(days=1)
    storm.store.claim(maintenance.KEY, maintenance.KEY, until, {"windows": [7, {"name": "x"}, {"matchers": {"a": 1}}]})

    assert storm.fire() == "started"
    storm.store.claim(maintenance.KEY, maintenance.KEY, until, {"windows": "none"})
    assert storm.fire("payments") == "started"


def test_services_that_fail_by_one_cause_are_one_thread_and_one_update(storm_of: Open) -> None:
    """The first five are investigated in briefs of one thread; all others are named in one update of the first."""
    storm = storm_of()
    storm.suspects = {f"service-{n}": "ledger" for n in range(12)}
    for n in range(12):
        storm.fire(f"service-{n}")
        storm.wait(1)
    storm.wait(600)

    assert storm.kinds() == {"full": 5, "update": 1}
    first = storm.mails[0]
    assert {mail.in_reply_to for mail in storm.mails[1:]} == {first.message_id}
    words = f"service-0, incident {storm.accepted[0]}: the trouble of both begins at ledger."
    assert [words in mail.text for mail in storm.mails] == [False, True, True, True, True, False]
    update = storm.mails[-1]
    assert "Other services that fail by the same cause:" in update.text
    assert all(f"service-{n}" in update.text for n in range(5, 12))
    assert storm.store.incidents(state="held") == []
    assert storm.unaccounted() == []

    assert storm.fire("service-7", fingerprint="more") == "held"
    storm.fire("service-3", status="resolved")
    storm.wait(600)
    assert storm.kinds() == {"full": 5, "update": 2, "resolved": 1}
    assert {payload["service_name"] for payload, _ in storm.calls[-2:]} == {"service-0", "service-3"}
    assert "Other services that fail by the same cause: service-7." in storm.mails[-1].text + storm.mails[-2].text
    (end,) = [payload for payload, _ in storm.calls if payload["kind"] == "resolved"]
    assert end["incident_id"] == storm.accepted[3]
    assert storm.unaccounted() == []


def test_later_alerts_of_services_without_a_brief_are_one_update_of_the_first(storm_of: Open) -> None:
    """Forty services by one cause: what fires and what ends after it is two more mails, not eighty."""
    storm = storm_of(investigations_per_hour=100, mails_per_recipient_per_hour=100)
    services = [f"service-{n}" for n in range(40)]
    storm.suspects = dict.fromkeys(services, "ledger")
    for service in services:
        storm.fire(service)
        storm.wait(1)
    storm.wait(600)
    before = len(storm.mails)

    for service in services[5:]:
        storm.fire(service, fingerprint=f"{service}-2", alert_name="More")
    storm.wait(600)
    (update,) = storm.mails[before:]
    assert all(service in update.text for service in services[5:])
    for service in services[5:]:
        storm.fire(service, fingerprint=f"{service}-2", alert_name="More", status="resolved")
        storm.fire(service, status="resolved")
    storm.wait(600)

    (_, end) = storm.mails[before:]
    assert f"all alerts have ended: {', '.join(sorted(services[5:]))}." in end.text
    assert "by the same cause: " not in end.text
    assert storm.fire("service-20", fingerprint="anew") == "started"
    storm.wait(600)
    assert storm.store.incidents(state="held") == []
    assert storm.unaccounted() == []


def test_slots_of_mails_that_were_not_sent_are_free_again(storm_of: Open) -> None:
    """An investigation whose cause is in another brief sends no mail."""
    storm = storm_of(mails_per_recipient_per_hour=20, investigations_per_hour=100)
    storm.suspects = {f"service-{n}": "ledger" for n in range(30)}
    for n in range(30):
        storm.fire(f"service-{n}")
        storm.wait(10)
    storm.wait(600)

    assert storm.kinds() == {"full": 5, "update": storm.kinds()["update"]}
    assert len(storm.started) == 30


def test_first_of_one_cause_ends_by_its_own_alerts(storm_of: Open) -> None:
    """Another service that fails by the same cause still fires; the end of the first is sent all the same."""
    storm = storm_of(cause_max_briefs=1)
    storm.suspects = {"checkout": "ledger", "cart": "ledger"}
    storm.fire("checkout")
    storm.wait(10)
    storm.fire("cart")
    storm.wait(300)
    storm.fire("checkout", status="resolved")
    storm.wait(600)

    assert [payload["kind"] for payload, _ in storm.calls] == ["full", "update", "resolved"]
    assert {payload["service_name"] for payload, _ in storm.calls} == {"checkout"}
