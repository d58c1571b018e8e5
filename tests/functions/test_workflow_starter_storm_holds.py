"""Nothing that is held waits without end, and no service takes the place of another one's."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.incident_sweeper.held_alerts import HeldAlerts
from functions.incident_sweeper.last_message import LastChannels
from functions.incident_sweeper.sweep import SweepSettings
from shared import clock
from shared.admission import history, maintenance
from shared.admission.maintenance import MaintenanceWindow
from shared.errors import Unavailable, Uncertain
from shared.traces.port import IncidentRecord
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


def _flap(storm: Storm, minutes: int, **facts: Any) -> None:
    """Let an alert fire at ten seconds of each minute and end at fifty: it never fires when the sweeper comes."""
    storm.wait(60 - storm.moment.second)
    for _ in range(minutes):
        storm.wait(10)
        storm.fire(**facts)
        storm.wait(40)
        storm.fire(status="resolved", **facts)
        storm.wait(10)


def test_alert_that_comes_and_goes_between_sweeps_is_reported_while_it_does(storm_of: Open) -> None:
    """Its end is no end while it comes back, and whoever has the brief must learn of it."""
    storm = storm_of()
    storm.fire()
    storm.wait(20)
    storm.fire(status="resolved")

    _flap(storm, 15, fingerprint="other", alert_name="DatabaseDown")

    kinds = storm.kinds()
    assert kinds["update"] >= 1
    assert "DatabaseDown" in storm.mails[1].text
    assert kinds["resolved"] == 0
    assert len(storm.started) == 1
    storm.wait(600)
    assert storm.unaccounted() == []


def test_alert_that_comes_and_goes_after_maintenance_is_investigated(storm_of: Open) -> None:
    """What does not end with the window is no part of the maintenance."""
    storm = storm_of()
    until = storm.moment + timedelta(minutes=10)
    window = MaintenanceWindow(name="upgrade", matchers={"service_name": "*"}, start=storm.moment, until=until)
    maintenance.set_windows(storm.store, [window])

    _flap(storm, 30)

    assert len(storm.started) == 1


def test_updates_of_noisy_services_leave_mails_for_what_is_held(storm_of: Open) -> None:
    """A first alert of another service is investigated, however many updates there were in the hour."""
    storm = storm_of(flap_hold_seconds=0, mails_per_recipient_per_hour=8)
    storm.fire("noisy")
    storm.wait(60)
    for n in range(12):
        storm.fire("noisy", fingerprint=f"rule-{n}")
        storm.wait(60)

    own = storm.fire("checkout", labels={"severity": "critical"})
    storm.wait(300)

    assert own in ("started", "held")
    assert storm.accepted[-1] in storm.started


def test_list_of_what_is_held_is_sent_while_the_sweeper_cannot_keep_up(storm_of: Open) -> None:
    """That alerts are held must be said above all when they are many."""
    storm = storm_of(investigations_per_hour=2)
    for n in range(100):
        storm.fire(f"service-{n}")
    for _ in range(12):
        storm.moment += timedelta(minutes=1)
        storm._end_workflows()
        _sweep(storm, most=5)

    assert "umbrella" in storm.kinds()


def _sweep(storm: Storm, most: int) -> None:
    channels = LastChannels(lambda: storm, lambda: storm, lambda: (storms.ENGINEER,))
    ticks = iter(range(10_000))
    held = HeldAlerts(storm.store, storm, lambda: storm, channels, SweepSettings(), storm.coalescing, storm.brakes)
    held.run(lambda: float(next(ticks)), float(most))


def test_alerts_whose_list_nobody_could_make_are_published_one_by_one(
    storm_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A last message in place of the list names none of them."""
    storm = storm_of(investigations_per_service_per_hour=1, merge_window_seconds=0)

    def hang(_: object) -> None:
        raise Uncertain("no reply")

    monkeypatch.setattr(storm, "publish", hang)
    for n in range(6):
        storm.fire(fingerprint=f"rule-{n}")
    storm.wait(1200)
    assert len(storm.mails) == 2, "the brief, and that something is held"
    storm.wait(7200)

    left = [incident_id for incident_id in storm.accepted if incident_id not in storm.started]
    assert left
    assert {storm.record(incident_id).state for incident_id in left} == {"open"}


def test_more_alerts_than_are_read_are_an_update(storm_of: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not read may be news, so its count is said, whatever the others are."""
    storm = storm_of()
    monkeypatch.setattr(history, "MAX_ALERTS", 20)
    storm.fire()
    storm.wait(10)
    for _ in range(30):
        storm.fire(started_at=storms.START)
    storm.fire(incident_id="inc-20260314-zz", fingerprint="other", alert_name="DatabaseDown")
    storm.wait(900)

    assert storm.kinds()["update"] == 1
    assert "31 alerts since its brief" in storm.mails[1].text


def test_store_that_fails_while_one_alert_is_settled_does_not_stop_the_others(
    storm_of: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease of the one stays until it expires; the next sweep tries it again."""
    storm = storm_of(investigations_per_hour=2)
    for number in range(4):
        storm.fire(service=f"service-{number}", fingerprint=str(number))
    held = [one for one in storm.accepted if storm.record(one).state == "held"]
    until = max(hold.until for one in held if (hold := storm.record(one).hold) is not None)
    monkeypatch.setattr(clock, "now", lambda: until)
    tried: list[str] = []

    def fail(_held: HeldAlerts, record: IncidentRecord) -> str:
        tried.append(record.incident_id)
        raise Unavailable("no answer")

    def release(*_: object) -> None:
        raise Unavailable("the store is away")

    monkeypatch.setattr(HeldAlerts, "_settle", fail)
    monkeypatch.setattr(storm.store, "release", release)
    _sweep(storm, 1000)

    assert len(held) > 1
    assert sorted(tried) == sorted(held)


class _KilledError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("calls", range(16))
def test_alert_whose_starter_dies_while_the_list_goes_out_is_listed(
    storm_of: Open, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    """Before whichever call of the store the list is made, it was made without the alert."""
    storm = storm_of(investigations_per_hour=2)
    for n in range(4):
        storm.fire(f"service-{n}")
    with monkeypatch.context() as patch, suppress(_KilledError):
        _interrupt(storm, calls, patch)
        storm.fire("late")
    assert storm.latest is not None
    storm.wait(130)
    for _ in range(3):
        storm.deliver(storm.latest)
        _keep_busy(storm, slots=2)
        storm.wait(3600)

    assert any("late" in mail.text for mail in storm.mails)
    assert storm.unaccounted() == []


def _keep_busy(storm: Storm, slots: int) -> None:
    """Let other investigations take each slot of the next hours."""
    for number in range(slots):
        key = f"slot:investigations:{number}"
        if lease := storm.store.lease(key):
            storm.store.release(key, lease.holder)
        storm.store.claim(key, "inc-other", storm.moment + timedelta(hours=5))


def _interrupt(storm: Storm, calls: int, patch: pytest.MonkeyPatch) -> None:
    """After so many calls of the store, let the list go out before the next one, and the process end after it."""
    count, is_waiting = iter(range(calls + 1)), False

    def interrupted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            nonlocal is_waiting
            if not is_waiting and (number := next(count, None)) is None:
                raise _KilledError
            if not is_waiting and number == calls:
                is_waiting = True
                storm.wait(130)
                is_waiting = False
            return call(*arguments, **options)

        return run

    for name in ("open_incident", "incident", "claim", "release", "lease", "follow", "hold_incident"):
        patch.setattr(storm.store, name, interrupted(getattr(storm.store, name)))
