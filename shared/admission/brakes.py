"""
Brakes: how much any hour may bring. Each is a number of slots, and each slot a lease of one hour.

Whoever needs one tries them from a place of its own, so that a storm does not contend for one document; the bound is
exact, and what is free again is so one hour after it was taken. The last slots are for what was held: of that the most
severe comes first.
"""

import zlib
from dataclasses import dataclass
from datetime import timedelta

from shared import clock
from shared.admission.settings import BrakeSettings
from shared.traces.port import TraceStore

SPAN = timedelta(hours=1)
MESSAGES_RESERVED = 2
"""Mails of each hour that only lists of what is held, and updates, may use."""


@dataclass(frozen=True)
class Brake:
    """A bound: its setting, the slots it counts, and how many of them only held alerts may take."""

    setting: str
    pool: str
    size: int
    reserved: int = 0


MAILS = "MAILS_PER_RECIPIENT_PER_HOUR"


def brakes_of(service_name: str, settings: BrakeSettings) -> tuple[Brake, ...]:
    """Return what the investigation of a service must pass; it sends one mail."""
    every, mails = settings.investigations_per_hour, settings.mails_per_recipient_per_hour
    own = settings.investigations_per_service_per_hour
    return (
        Brake("INVESTIGATIONS_PER_SERVICE_PER_HOUR", f"service:{service_name}", own),
        Brake("INVESTIGATIONS_PER_HOUR", "investigations", every, _reserved(every)),
        Brake(MAILS, "mails", mails - MESSAGES_RESERVED, _reserved(mails)),
    )


def brakes_of_tests(settings: BrakeSettings) -> tuple[Brake, ...]:
    """Return what a test alert must pass: whoever may send alerts may send tests, and each is a message to people."""
    return (Brake("TESTS_PER_HOUR", "tests", settings.tests_per_hour),)


def take_all(store: TraceStore, brakes: tuple[Brake, ...], holder: str, is_held: bool) -> Brake | None:
    """Take a slot of each; return the brake that has none left, then nothing is taken. Raises what the store raises."""
    taken: list[str] = []
    for brake in brakes:
        size = brake.size if is_held else brake.size - brake.reserved
        key = take(store, brake.pool, size, holder)
        if key is None:
            for other in taken:
                store.release(other, holder)
            return brake
        taken.append(key)
    return None


def take_mail(store: TraceStore, holder: str, settings: BrakeSettings, is_list: bool) -> bool:
    """
    Take the slot of one more message; return False when the hour has none left. Raises what the store raises.

    The last one is for a list of what is held: updates never delay the word that something is. Nor do they take the
    last ones of what is held itself: updates of one service do not keep another one's alert from its investigation.
    """
    mails = settings.mails_per_recipient_per_hour
    if is_list:
        return take(store, "mails", mails, holder) is not None
    if take(store, "mails", mails - MESSAGES_RESERVED - _reserved(mails), holder) is not None:
        return True
    own = range(mails - MESSAGES_RESERVED, mails - 1)
    return any(store.claim(f"slot:mails:{number}", holder, clock.now() + SPAN).holder == holder for number in own)


def take_early_mail(store: TraceStore, holder: str, settings: BrakeSettings) -> str | None:
    """
    Return the key of a slot for a mail that comes before a brief; None when none is free for one.

    A quarter of the hour's mails at most, so that those that come early leave most of them for briefs.
    """
    return take(store, "mails", settings.mails_per_recipient_per_hour // 4, holder)


def give_back_mail(store: TraceStore, holder: str, settings: BrakeSettings) -> None:
    """Give the slot of a mail back that was not sent after all. Raises what the store raises."""
    for number in range(settings.mails_per_recipient_per_hour):
        lease = store.lease(key := f"slot:mails:{number}")
        if lease is not None and lease.holder == holder:
            store.release(key, holder)


def take(
    store: TraceStore, pool: str, size: int, holder: str, span: timedelta = SPAN, tries: int | None = None
) -> str | None:
    """Take one slot of a pool for a span; return its key, None when none of those tried is free."""
    first = zlib.crc32(holder.encode()) % size
    for number in range(min(size, tries or size)):
        key = f"slot:{pool}:{(first + number) % size}"
        if store.claim(key, holder, clock.now() + span).holder == holder:
            return key
    return None


def _reserved(size: int) -> int:
    return max(1, size // 6)
