"""How often the same rule of a service had a brief before, and which pull request ended it: one small record each."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import clock, log
from shared.contracts import PostProcessRequest
from shared.errors import IncidentCopilotError
from shared.traces.port import TraceStore
from shared.traces.pull_request_record import PullRequestRecord

REMEMBERED = timedelta(days=365)
MAX_READ = 3
"""Earlier incidents whose pull request is looked up, the last one first."""
_HOLDER = "seen_before"


@dataclass(frozen=True)
class SeenBefore:
    """In words, and the page of the pull request that ended it, if one did."""

    words: str = ""
    url: str = ""


def seen_before(request: PostProcessRequest, store: TraceStore) -> SeenBefore:
    """
    Return how often it was seen before, and note this incident; a run that is repeated is noted once.

    Calls the store five times at most. Without it nothing is known: that is worth no failure in the brief.
    """
    alert, incident = request.alert, request.incident
    if incident is None or not incident.needs_response:
        return SeenBefore()
    rule = f"{alert.service_name} {alert.alert_name or alert.fingerprint}"
    key = f"rule:{hashlib.sha256(rule.encode()).hexdigest()[:32]}"
    try:
        count, past = _noted(key, (request.incident_id, alert.received_at.isoformat()), store)
        return _in_words(count, past, _merged(past, store))
    except (IncidentCopilotError, TypeError, ValueError) as error:
        log.error("post_process.history_unread", error_type=type(error).__name__, error=str(error))
        return SeenBefore()


def _noted(key: str, this: tuple[str, str], store: TraceStore) -> tuple[int, list[tuple[str, str]]]:
    """Note this incident, with its time; return how many were before it, and the newest of them, the last first."""
    lease = store.lease(key)
    value = lease.value if lease else {}
    count, listed = int(value.get("count", 0)), [(str(id_), str(at)) for id_, at in value.get("last", [])]
    past = [one for one in listed if one[0] != this[0]]
    if len(past) < len(listed):
        return count - 1, past
    last = [this, *past][: MAX_READ + 1]
    store.claim(key, _HOLDER, clock.now() + REMEMBERED, {"count": count + 1, "last": last})
    return count, past


def _merged(past: list[tuple[str, str]], store: TraceStore) -> PullRequestRecord | None:
    """Return the pull request of the newest earlier incident that has one which was merged."""
    for incident_id, _ in past[:MAX_READ]:
        record = store.incident(incident_id)
        made = record.pull_request if record else None
        if made is not None and made.state == "merged" and made.number:
            return made
    return None


def _in_words(count: int, past: list[tuple[str, str]], ended_by: PullRequestRecord | None) -> SeenBefore:
    if count < 1 or not past:
        return SeenBefore()
    times = "once" if count == 1 else f"{count} times"
    ended = f", ended by pull request #{ended_by.number}" if ended_by else ""
    words = f"Seen {times} before, last {datetime.fromisoformat(past[0][1]):%d %b %Y}{ended}."
    return SeenBefore(words, (ended_by.url or "") if ended_by else "")
