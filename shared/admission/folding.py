"""What alerts that were held together add up to: which still fire, which are new, is it worth a mail? Pure."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from shared.contracts import Status
from shared.traces.port import IncidentRecord

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
REPEAT = timedelta(minutes=1)
"""The same alert again so soon, from a sender that does not say when it began, is one alert sent twice."""

Release = Literal["extend", "cancel", "update", "resolved", "investigate"]
"""What becomes of held alerts: held longer, nothing new, one update, the end of the incident, an investigation."""


@dataclass(frozen=True)
class AlertEvent:
    """One alert that fired or ended; `key` is the same for the same alert of the same rule."""

    key: str
    status: Status
    at: datetime
    started_at: datetime | None = None
    rule: str = ""


@dataclass
class Fold:
    """What a series of alerts amounts to; counts are of the held alerts alone."""

    firing: frozenset[str] = frozenset()
    """Keys of the alerts that fire at the end."""
    new: Counter[str] = field(default_factory=Counter)
    """How many alerts fired that had not fired before, by rule."""
    still_new: frozenset[str] = frozenset()
    """Those of them that still fire."""
    again: int = 0
    """How many fired once more after they had ended, or since another time."""
    ended: int = 0
    last_at: datetime = _NEVER
    count: int = 0

    @property
    def is_news(self) -> bool:
        """Whether the brief does not say it already: something else fires, or it comes and goes."""
        return bool(self.still_new) or self.again > 0


def event_of(record: IncidentRecord) -> AlertEvent:
    """Return the alert of an incident as an event, whatever shape the trace has it in."""
    alert = record.alert
    labels = alert.get("labels")
    rule = str(alert.get("alert_name") or "")
    return AlertEvent(
        key=str(alert.get("fingerprint") or "") or _digest(rule, labels if isinstance(labels, dict) else {}),
        status="resolved" if alert.get("status") == "resolved" else "firing",
        at=_moment(alert.get("received_at")) or record.updated_at,
        started_at=_moment(alert.get("started_at")),
        rule=rule,
    )


def fold(before: Iterable[AlertEvent], held: Iterable[AlertEvent]) -> Fold:
    """Return what the held alerts add to those before them; both in any order, as Pub/Sub delivers them."""
    marked = [(event, False) for event in before] + [(event, True) for event in held]
    result, latest, new = Fold(), dict[str, AlertEvent](), set[str]()
    # Of one moment the end comes last: it was sent for what fires.
    for event, is_held in sorted(marked, key=lambda pair: (pair[0].at, pair[0].status == "resolved")):
        earlier = latest.get(event.key)
        latest[event.key] = event
        result.last_at = max(result.last_at, event.at)
        if not is_held:
            continue
        result.count += 1
        if event.status == "resolved":
            result.ended += earlier is not None and earlier.status == "firing"
        elif earlier is None:
            new.add(event.key)
            result.new[event.rule] += 1
        elif not _is_same(earlier, event):
            result.again += 1
    result.firing = frozenset(key for key, event in latest.items() if event.status == "firing")
    result.still_new = result.firing & new
    return result


def release(
    folded: Fold, leader_kind: str, moment: datetime, hold: timedelta, held_for: timedelta = timedelta()
) -> Release:
    """
    Return what becomes of held alerts once their hold has ended; `leader_kind` is how their incident was published.

    An end counts once nothing has fired for `hold`. What fired after a brief that saw no harm is investigated. What
    comes and goes for longer than an alert and its end may take, two holds, is said while it does.
    """
    was_dismissed = leader_kind == "dismissed"
    if not folded.firing:
        if moment - folded.last_at < hold:
            if (folded.new or folded.again) and held_for >= 2 * hold:
                return "investigate" if was_dismissed else "update"
            return "extend"
        return "cancel" if was_dismissed else "resolved"
    if not folded.is_news:
        return "cancel"
    return "investigate" if was_dismissed else "update"


def _is_same(earlier: AlertEvent, event: AlertEvent) -> bool:
    if earlier.status == "resolved":
        return False
    if event.started_at is not None and earlier.started_at is not None:
        return event.started_at == earlier.started_at
    return event.at - earlier.at < REPEAT


def _moment(value: object) -> datetime | None:
    try:
        moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else None


def _digest(rule: str, labels: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps([rule, sorted(labels.items())], default=str).encode()).hexdigest()[:16]
