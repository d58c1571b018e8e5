"""
Mute a service for a while: a maintenance window of its own, so that nothing is silent.

What fires meanwhile is held and stands in one digest, which says who muted the service until when; what still fires
afterwards is investigated.
"""

import hashlib
from datetime import datetime

from pydantic import ValidationError

from shared import clock
from shared.admission import maintenance
from shared.admission.maintenance import SERVICE, MaintenanceWindow
from shared.bounds import clip
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.traces.port import TraceStore

_MARK = ", muted by "


def mute(store: TraceStore, service_name: str, by: str, until: datetime) -> MaintenanceWindow:
    """
    Hold what the service sends from now until `until`, in place of an earlier mute of it; return the window.

    Raises Rejected (too many windows, a name that fits no pattern), and what the store raises.
    """
    tail = f"{_MARK}{clip(by, 30)} until {until:%H:%M} UTC"
    name, matchers = f"{_distinct(service_name, 100 - len(tail))}{tail}", {SERVICE: literal(service_name)}
    try:
        window = MaintenanceWindow(name=name, matchers=matchers, start=clock.now(), until=until)
    except ValidationError as error:
        raise Rejected(f"The service {clip(service_name, 80)!r} cannot be muted: {sentence(error)}") from None
    others = [one for one in maintenance.windows(store) if not is_mute(one, service_name)]
    maintenance.set_windows(store, [*others, window])
    return window


def unmute(store: TraceStore, service_name: str) -> int:
    """Let a service's alerts through again; return how many were held. Raises what the store raises."""
    others = [one for one in maintenance.windows(store) if not is_mute(one, service_name)]
    return maintenance.set_windows(store, others)


def mute_of(store: TraceStore, service_name: str) -> MaintenanceWindow | None:
    """Return the mute of a service that is in force, or None. Raises what the store raises."""
    moment = clock.now()
    own = [one for one in maintenance.windows(store) if is_mute(one, service_name) and one.start <= moment]
    return max(own, key=lambda one: one.until, default=None)


def is_mute(window: MaintenanceWindow, service_name: str) -> bool:
    """Return whether a window is a mute of this very service, and no maintenance that somebody planned."""
    return _MARK in window.name and window.matchers == {SERVICE: literal(service_name)}


def end_window(store: TraceStore, name: str) -> int:
    """
    End a window now; return how many alerts it held, which the next sweep settles.

    Raises Rejected when there is none of the name, and what the store raises.
    """
    windows = maintenance.windows(store)
    others = [one for one in windows if one.name != name]
    if len(others) == len(windows):
        raise Rejected(f"There is no maintenance window {name!r}")
    return maintenance.set_windows(store, others)


def _distinct(text: str, chars: int) -> str:
    """Return the text in at most `chars` characters; one that is too long ends with a hash of all of it."""
    return text if len(text) <= chars else f"{clip(text, chars - 9)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def literal(text: str) -> str:
    """Return the pattern that matches this text alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in text)
