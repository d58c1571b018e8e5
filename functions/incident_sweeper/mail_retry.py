"""Briefs whose mail surely did not go out: each is mailed again every few minutes for an hour, until it does."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.traces.port import IncidentRecord, Json, TraceStore

LOOKED_AT = 50
"""Closed incidents one sweep looks at, the newest ones."""

TRIED_FOR = timedelta(hours=1)
PAUSE = timedelta(minutes=5)


@dataclass(frozen=True)
class LateMail:
    """A closed incident nobody was mailed about, and which later try this is."""

    record: IncidentRecord
    attempt: int


def late_mails(store: TraceStore, moment: datetime) -> Iterator[LateMail]:
    """Yield what is to be mailed now; a try that failed has its answer stored, so that each is made once."""
    for record in store.incidents(state="closed", limit=LOOKED_AT):
        attempt = (moment - record.updated_at) // PAUSE
        if 1 <= attempt <= TRIED_FOR // PAUSE and _is_lost(record.outcome or {}):
            yield LateMail(record, attempt)


def _is_lost(outcome: Json) -> bool:
    """Tell whether it surely was not sent: one that may have been is not sent twice."""
    why = [failure["error_type"] for failure in outcome.get("failures", []) if failure["step"] == "mail"]
    return outcome.get("mail_status") == "failed" and "Uncertain" not in why
