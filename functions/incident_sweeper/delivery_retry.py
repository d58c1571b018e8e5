"""
Find briefs that a channel certainly did not deliver, and say when each is delivered again.

The pauses double from `delivery_retry_seconds` to an hour. While nobody at all has the brief, a channel that may have
delivered it is tried again too: Message-ID and Idempotency-Key let the receiver recognise the repeat.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pydantic import ValidationError

from shared import log
from shared.contracts import Outcome
from shared.http.validation import places
from shared.traces.port import IncidentRecord, TraceStore

from .changed_incidents import Reach, in_need

MAX_UNDELIVERED_INCIDENTS = 200
"""How many undelivered incidents one sweep checks, oldest first."""
MAX_PAUSE = timedelta(hours=1)
_TTL = timedelta(days=90)
_READER = "reader"


@dataclass(frozen=True)
class Retries:
    """How often a brief was delivered again, the last time of that, and when the need of it was noted first."""

    attempts: int
    last: datetime
    since: datetime
    is_given_up: bool = False


@dataclass(frozen=True)
class RetryPlan:
    """The first pause between two attempts, and how long a brief that somebody has is tried by the other channels."""

    pause: timedelta
    give_up: timedelta

    def is_due(self, retries: Retries, moment: datetime) -> bool:
        """Return whether it is time for the next attempt."""
        # The exponent is bounded so that no long outage overflows it.
        doubled = self.pause * (1 << min(retries.attempts, 20))
        return moment - retries.last >= min(doubled, MAX_PAUSE)


@dataclass(frozen=True)
class LateDelivery:
    """An incident whose brief a channel did not deliver, and its outcome so far."""

    record: IncidentRecord
    outcome: Outcome

    @property
    def is_update(self) -> bool:
        """Whether people have the brief, and something of its pull request that no message says."""
        return has_news(self.record, self.outcome)


def late_deliveries(store: TraceStore, plan: RetryPlan, moment: datetime) -> Iterator[LateDelivery]:
    """Yield what to deliver again now, first what nobody has; the first time a need is seen it is only noted."""
    undelivered = store.incidents(state="undelivered", limit=MAX_UNDELIVERED_INCIDENTS, is_oldest_first=True)
    reach = Reach(plan.give_up, plan.give_up + MAX_PAUSE)
    closed = in_need(store, moment, reach, lambda record: late_outcome(record) is not None)
    for record in (*undelivered, *closed):
        outcome = late_outcome(record)
        if outcome is not None and next_attempt(store, record, plan, moment) is not None:
            yield LateDelivery(record, outcome)


def late_outcome(record: IncidentRecord) -> Outcome | None:
    """Return the outcome of a brief that a channel did not deliver; what may be out is not sent to who has it."""
    try:
        outcome = Outcome.model_validate(record.outcome or {})
    except ValidationError as error:
        log.error("sweeper.outcome_unreadable", incident_id=record.incident_id, error=places(error))
        # Nobody has this brief, whatever else its outcome says.
        return Outcome(kind="undelivered") if record.state == "undelivered" else None
    if record.state == "undelivered":
        return outcome
    uncertain = {failure.step for failure in outcome.failures if failure.error_type == "Uncertain"}
    failed = {name for name, status in outcome.channel_statuses.items() if status == "failed"}
    return outcome if failed - uncertain or has_news(record, outcome) else None


def has_late_pull_request(record: IncidentRecord, outcome: Outcome) -> bool:
    """Return whether a pull request is open of which no brief and no update says anything."""
    opened = record.pull_request
    # Earlier releases gave no receipts, and did not note what the brief names. What a person approved has its own mail.
    is_new = outcome.kind in ("full", "degraded") and bool(outcome.receipts) and outcome.pr_url is None
    is_open = opened is not None and opened.state == "open" and opened.url is not None and opened.decision is None
    return record.state == "closed" and is_new and is_open


def has_news(record: IncidentRecord, outcome: Outcome) -> bool:
    """Return whether a pull request is open, or its checks have ended, of which no message says anything."""
    opened = record.pull_request
    is_named = record.state == "closed" and outcome.pr_url is not None and bool(outcome.receipts)
    is_checked = opened is not None and opened.state == "open" and opened.checks not in ("", outcome.checks)
    return (is_named and is_checked) or has_late_pull_request(record, outcome)


def next_attempt(store: TraceStore, record: IncidentRecord, plan: RetryPlan, moment: datetime) -> int | None:
    """Return the number of the attempt that is due, or None. Raises what the store raises."""
    # A claim that ends now takes no lease: it only shows what stands there.
    lease = store.claim(_key(record), _READER, moment)
    retries = _retries(lease.value)
    if retries is None:
        _note(store, record, Retries(0, moment, moment))
        return None
    if record.state == "closed" and moment - retries.since >= plan.give_up:
        if not retries.is_given_up:
            _give_up(store, record, retries)
        return None
    return retries.attempts + 1 if plan.is_due(retries, moment) else None


def note_attempt(store: TraceStore, record: IncidentRecord, attempt: int, moment: datetime) -> None:
    """Note that an attempt is made, before it is: its number is never used again. Raises what the store raises."""
    retries = _retries(store.claim(_key(record), _READER, moment).value)
    _note(store, record, Retries(attempt, moment, retries.since if retries else moment))


def _give_up(store: TraceStore, record: IncidentRecord, retries: Retries) -> None:
    """Say once that a channel never took a brief that others have."""
    outcome = late_outcome(record)
    channels = (
        sorted(name for name, status in outcome.channel_statuses.items() if status == "failed") if outcome else []
    )
    _note(store, record, replace(retries, is_given_up=True))
    log.error("sweeper.retries_given_up", incident_id=record.incident_id, channels=channels, attempts=retries.attempts)


def _note(store: TraceStore, record: IncidentRecord, retries: Retries) -> None:
    value: dict[str, object] = {"attempts": retries.attempts, "is_given_up": retries.is_given_up}
    value |= {"last": retries.last.isoformat(), "since": retries.since.isoformat()}
    store.claim(_key(record), record.incident_id, retries.last + _TTL, value)


def _retries(value: dict[str, object]) -> Retries | None:
    try:
        last, since = datetime.fromisoformat(str(value["last"])), datetime.fromisoformat(str(value["since"]))
        return Retries(int(str(value["attempts"])), last, since, value.get("is_given_up") is True)
    except (KeyError, ValueError):
        return None


def _key(record: IncidentRecord) -> str:
    return f"delivery:{record.incident_id}"
