"""Find briefs whose mail was certainly not sent: each is mailed again every few minutes for up to an hour."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.traces.port import IncidentRecord, Json, TraceStore

MAX_CLOSED_INCIDENTS = 50
"""How many closed incidents one sweep checks, newest first."""

RETRY_FOR = timedelta(hours=1)
RETRY_EVERY = timedelta(minutes=5)


@dataclass(frozen=True)
class LateMail:
    """A closed incident whose mail was not sent, and the number of this retry."""

    record: IncidentRecord
    attempt: int


def late_mails(store: TraceStore, moment: datetime) -> Iterator[LateMail]:
    """Yield the mails to retry now; the answer of a failed retry is stored, so that each is made only once."""
    for record in store.incidents(state="closed", limit=MAX_CLOSED_INCIDENTS):
        attempt = (moment - record.updated_at) // RETRY_EVERY
        if 1 <= attempt <= RETRY_FOR // RETRY_EVERY and _is_lost(record.outcome or {}):
            yield LateMail(record, attempt)


def _is_lost(outcome: Json) -> bool:
    """Return whether the mail was certainly not sent: one that may have been sent is not sent twice."""
    error_types = [failure["error_type"] for failure in outcome.get("failures", []) if failure["step"] == "mail"]
    return outcome.get("mail_status") == "failed" and "Uncertain" not in error_types
