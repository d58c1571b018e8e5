"""The channels to people, in the order of delivery: one row each.

The hooks go first, so that the mail can name their failures; the archived brief names the mail's.
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
    is_hook: bool = False
    """Every message of an incident is posted by it, as mail sends it too."""
    has_threads: bool = False
    """Later messages stand in the thread of the first, whose receipt they need."""


CHANNELS = (
    Channel("hook", "The system behind POST_PROCESS_URL was not notified, or may not have been.", is_hook=True),
    Channel("slack", "This did not reach Slack, or may not have.", is_hook=True, has_threads=True),
    Channel("pagerduty", "PagerDuty was not notified, or may not have been.", is_hook=True),
    Channel("teams", "This did not reach Microsoft Teams, or may not have.", is_hook=True),
    Channel("pagerduty_change", "PagerDuty does not show the deploy beside its alert.", reaches_people=False),
    Channel("mail", "This brief did not reach anybody by mail, or may not have."),
    Channel("archive", "This brief was not kept as a file.", reaches_people=False, is_repeatable=True),
)
HOOKS = tuple(channel.name for channel in CHANNELS if channel.is_hook)
THREADED = frozenset(channel.name for channel in CHANNELS if channel.has_threads)
TO_PEOPLE = frozenset(channel.name for channel in CHANNELS if channel.reaches_people)
