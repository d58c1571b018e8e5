"""Maintenance windows: none of them holds an alert longer than it lasts itself."""

from datetime import UTC, datetime, timedelta

import pytest

from shared import clock
from shared.admission import maintenance
from shared.admission.maintenance import DIGEST_AFTER, MaintenanceWindow
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import Hold, HoldReason, IncidentRecord

NOW = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
LATE = NOW + timedelta(hours=24)


@pytest.fixture
def store(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> EmbeddedTraces:
    """An empty store at a fixed time."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return store


def window(name: str, hours: float) -> MaintenanceWindow:
    """Return a window that begins now."""
    return MaintenanceWindow(name=name, matchers={"service_name": "*"}, start=NOW, until=NOW + timedelta(hours=hours))


def held(
    store: EmbeddedTraces, incident_id: str, name: str, reason: HoldReason = "maintenance", *, leads: bool = False
) -> None:
    """Hold an incident until tomorrow."""
    hold = Hold(reason=reason, since=NOW, until=LATE, name=name, leads=leads)
    store.open_incident(
        IncidentRecord(
            incident_id=incident_id, service_name="checkout", state="held", created_at=NOW, updated_at=NOW,
            alert={}, hold=hold,
        )
    )  # fmt: skip


def until(store: EmbeddedTraces, incident_id: str) -> datetime | None:
    """Return until when an incident is held."""
    record = store.incident(incident_id)
    return record.hold.until if record and record.hold else None


def test_window_that_goes_or_ends_earlier_releases_what_it_held(store: EmbeddedTraces) -> None:
    """Alerts are due at its new end, the digest a little later; what another window or a brake holds stays."""
    for incident_id, name in (("inc-gone", "gone"), ("inc-shorter", "shorter"), ("inc-same", "same")):
        held(store, incident_id, name)
    held(store, "inc-digest", "gone", leads=True)
    held(store, "inc-brake", "INVESTIGATIONS_PER_HOUR", "brake")
    maintenance.set_windows(store, [window("gone", 24), window("shorter", 24), window("same", 24)])

    assert maintenance.set_windows(store, [window("shorter", 1), window("same", 24)]) == 2

    assert until(store, "inc-gone") == NOW
    assert until(store, "inc-digest") == NOW + DIGEST_AFTER
    assert until(store, "inc-shorter") == NOW + timedelta(hours=1)
    assert until(store, "inc-same") == until(store, "inc-brake") == LATE


def test_every_alert_is_released_however_many_are_held(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that a storm's brakes hold do not hide them."""
    monkeypatch.setattr(maintenance, "PAGE", 4)
    for number in range(9):
        held(store, f"inc-a{number}", "INVESTIGATIONS_PER_HOUR", "brake")
        held(store, f"inc-b{number}", "move")

    assert maintenance.set_windows(store, []) == 9

    assert {until(store, f"inc-b{number}") for number in range(9)} == {NOW}
