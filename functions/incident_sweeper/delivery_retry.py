"""Find briefs that a channel certainly did not deliver: each is delivered again by that channel, for up to a day."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from shared import log
from shared.contracts import Outcome
from shared.http.validation import places
from shared.traces.port import IncidentRecord, TraceStore

MAX_CLOSED_INCIDENTS = 50
"""How many closed incidents one sweep checks, newest first."""

SOON, SOON_FOR = timedelta(minutes=5), timedelta(hours=1)
LATER, LATER_FOR = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class LateDelivery:
    """A closed incident that a channel did not deliver, and the number of this retry."""

    record: IncidentRecord
    outcome: Outcome
    attempt: int


def late_deliveries(store: TraceStore, moment: datetime) -> Iterator[LateDelivery]:
    """Yield what to retry now; the answer of a failed retry is stored, so that each is made only once."""
    for record in store.incidents(state="closed", limit=MAX_CLOSED_INCIDENTS):
        attempt = attempt_at(moment - record.updated_at)
        if attempt and (outcome := undelivered(record)):
            yield LateDelivery(record, outcome, attempt)


def attempt_at(age: timedelta) -> int:
    """Return the number of the retry that is due: each five minutes in the first hour, then each hour; 0 for none."""
    if age < SOON or age >= LATER_FOR + LATER:
        return 0
    return age // SOON if age <= SOON_FOR else SOON_FOR // SOON + age // LATER


def undelivered(record: IncidentRecord) -> Outcome | None:
    """Return the outcome of a brief that a channel certainly did not deliver; what may be out is not sent again."""
    try:
        outcome = Outcome.model_validate(record.outcome or {})
    except ValidationError as error:
        log.error("sweeper.outcome_unreadable", incident_id=record.incident_id, error=places(error))
        return None
    uncertain = {failure.step for failure in outcome.failures if failure.error_type == "Uncertain"}
    statuses = {"mail": outcome.mail_status, "hook": outcome.hook_status}
    failed = {name for name, status in statuses.items() if status == "failed"}
    return outcome if failed - uncertain else None
