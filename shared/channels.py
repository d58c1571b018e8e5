"""The channels to people, in the order of delivery: one row each.

The hook goes first, so that the mail can name its failure; the archived brief names the mail's.
A new channel needs its adapter in shared/outbox, one row here and its delivery in functions/post_process/deliveries.py.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """One way to reach people."""

    name: str
    """Its name in failures, leases and the outcome."""
    failure_means: str
    """What its failure means for the reader of the brief."""
    reaches_people: bool = True
    """Its receipt means that somebody can learn of it; without any such receipt the outcome is undelivered."""
    is_repeatable: bool = False
    """Delivering again replaces the first delivery, so that no lease is needed to do it once."""


CHANNELS = (
    Channel("hook", "The system behind POST_PROCESS_URL was not notified, or may not have been."),
    Channel("mail", "This brief did not reach anybody by mail, or may not have."),
    Channel("archive", "This brief was not kept as a file.", reaches_people=False, is_repeatable=True),
)
