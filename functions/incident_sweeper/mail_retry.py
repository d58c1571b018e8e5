"""Find briefs whose mail was certainly not sent: each is mailed again every few minutes for up to an hour."""

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

RETRY_FOR = timedelta(hours=1)
RETRY_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class LateMail:
    """A closed incident whose mail was not sent, and the number of this retry."""

    record: IncidentRecord
    outcome: Outcome
    attempt: int


def late_mails(store: TraceStore, moment: datetime) -> Iterator[LateMail]:
    """Yield the mails to retry now; the answer of a failed retry is stored, so that each is made only once."""
    for record in store.incidents(state="closed", limit=MAX_CLOSED_INCIDENTS):
        attempt = (moment - record.updated_at) // RETRY_EVERY
        if 1 <= attempt <= RETRY_FOR // RETRY_EVERY and (outcome := lost_outcome(record)):
            yield LateMail(record, outcome, attempt)


def lost_outcome(record: IncidentRecord) -> Outcome | None:
    """Return the outcome of a brief whose mail was certainly not sent; one that may have been is not sent twice."""
    try:
        outcome = Outcome.model_validate(record.outcome or {})
    except ValidationError as error:
        log.error("sweeper.outcome_unreadable", incident_id=record.incident_id, error=places(error))
        return None
    error_types = [failure.error_type for failure in outcome.failures if failure.step == "mail"]
    return outcome if outcome.mail_status == "failed" and "Uncertain" not in error_types else None
