"""Maintenance windows: alerts that match one are held until it ends, and end in one digest instead of briefs."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from shared import clock, log
from shared.bounds import Contract
from shared.contracts import Alert, AwareUtc
from shared.errors import Rejected
from shared.http.validation import places
from shared.traces.port import IncidentRecord, TraceStore

KEY = "maintenance"
MAX_WINDOWS = 100
MAX_WINDOW = timedelta(days=366)
"""What is expected for longer is no incident: mend the alert's rule instead."""
DIGEST_AFTER = timedelta(seconds=75)
"""How long after the end of a window its digest follows, so that it says what became of what still fires."""
SERVICE = "service_name"
STOP = "stop"
"""Name of the window of `make pause`: while it is in force, nothing it takes is started by anybody."""
PAGE = 1_000
_EVER = datetime.max.replace(tzinfo=UTC)

# One that were cut would match something else, so one that is too long is refused.
Pattern = Annotated[str, Field(max_length=200)]


class MaintenanceWindow(Contract):
    """
    When which alerts are expected.

    `matchers` says what each label must be, `*` standing for any text; `service_name` is the service, however its label
    is called. All of them must match.
    """

    name: str = Field(min_length=1, max_length=100)
    matchers: dict[Pattern, Pattern] = Field(min_length=1, max_length=20)
    start: AwareUtc
    until: AwareUtc

    @model_validator(mode="after")
    def _ends_soon(self) -> Self:
        if self.until > clock.now() + MAX_WINDOW:
            raise ValueError(f"until must be at most {MAX_WINDOW.days} days from now")
        return self

    def takes(self, alert: Alert, moment: datetime) -> bool:
        """Return whether the alert falls into the window."""
        labels = {**alert.labels, SERVICE: alert.service_name}
        is_now = self.start <= moment < self.until
        return is_now and all(fnmatchcase(labels.get(name, ""), value) for name, value in self.matchers.items())


def windows(store: TraceStore) -> list[MaintenanceWindow]:
    """Return the windows that have not ended. One that cannot be read is none: its alerts are investigated."""
    lease = store.lease(KEY)
    stored = lease.value.get("windows") if lease else None
    read = []
    for entry in stored if isinstance(stored, list) else []:
        try:
            read.append(MaintenanceWindow.model_validate(entry))
        except ValidationError as error:
            log.error("maintenance.unreadable", error=places(error))
    return [window for window in read if window.until > clock.now()]


def window_of(alert: Alert, store: TraceStore, *, is_by_hand: bool = False) -> MaintenanceWindow | None:
    """
    Return the window that takes the alert, the one that ends last of several.

    A test of the connection and what a person starts are expected of nobody: only a stop of everything takes them.
    """
    taking = [window for window in windows(store) if window.takes(alert, clock.now())]
    if alert.is_test or is_by_hand:
        taking = [window for window in taking if window.name == STOP]
    return max(taking, key=lambda window: window.until, default=None)


def set_windows(store: TraceStore, chosen: list[MaintenanceWindow]) -> int:
    """
    Replace the windows; no alert stays held longer than its window. Return how many are held for a shorter time now.

    Raises Rejected when the windows are too many, and what the store raises.
    """
    # A stop of everything is none of them: however many there are, it must be possible.
    count = sum(window.name != STOP for window in chosen)
    if count > MAX_WINDOWS:
        raise Rejected(f"{count} maintenance windows, at most {MAX_WINDOWS}")
    until = max((window.until for window in chosen), default=clock.now()) + timedelta(days=1)
    store.claim(KEY, KEY, until, {"windows": [window.model_dump(mode="json") for window in chosen]})
    return _release(store, {window.name: window.until for window in chosen})


def _release(store: TraceStore, ends: Mapping[str, datetime]) -> int:
    """
    Let each held alert, and each digest, be due at the end of its window at the latest; now when the window is gone.

    What is held decides, not which windows there were: an attempt that dies half way is made whole by the next one.
    """
    moment, released = clock.now(), 0
    for record in _held(store):
        hold = record.hold
        if hold is None or hold.reason != "maintenance":
            continue
        due = max(moment, ends.get(hold.name, moment)) + (DIGEST_AFTER if hold.leads else timedelta())
        if due < hold.until and store.hold_incident(record.incident_id, hold.replace(until=due)):
            released += not hold.leads
    return released


def _held(store: TraceStore) -> list[IncidentRecord]:
    """Return all that is held. The ends of a window's alerts are one time, so no page could start behind another."""
    read: list[IncidentRecord] = []
    limit = PAGE
    # Until a larger page brings nothing more: a page is short also when it holds what cannot be read.
    while len(page := store.held_incidents(_EVER, limit)) > len(read):
        read, limit = page, limit * 2
    return read
