"""The list of incidents: a row each, repeats folded into the incident they were merged into, filtered and searched."""

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

from shared import clock
from shared.bounds import clip
from shared.errors import Rejected
from shared.redaction import redact
from shared.text.harmless import one_line
from shared.traces.port import IncidentRecord, ListPosition, TraceStore

from .incident_view import OUTCOME_WORDS

PAGE = 50
MAX_READ = 500
"""Incidents that one search reads; the next page goes on behind them."""
_FOLDED = ("merged", "resolved", "update", "maintenance")
_MAX_TEXT = 200


@dataclass(frozen=True)
class Filter:
    """What the list is narrowed to; empty texts narrow nothing."""

    outcome: str = ""
    severity: str = ""
    service: str = ""
    words: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether every incident passes."""
        return not (self.outcome or self.severity or self.service or self.words)

    def passes(self, row: "ListRow") -> bool:
        """Return whether a row is wanted: every word stands in it, whatever its case."""
        haystack = f"{row.incident_id} {row.service} {row.title} {row.cause} {row.pr_url}".casefold()
        return (
            self.outcome in ("", row.outcome)
            and self.severity in ("", row.severity)
            and self.service.casefold() in row.service.casefold()
            and all(word in haystack for word in self.words.casefold().split())
        )

    def query(self, **more: str) -> str:
        """Return the filter as the query of an address."""
        fields = {"outcome": self.outcome, "severity": self.severity, "service": self.service, "words": self.words}
        return urlencode({name: value for name, value in {**fields, **more}.items() if value})


@dataclass
class ListRow:
    """One incident; `repeats` counts the later ones that were merged into it and are folded here."""

    incident_id: str
    service: str
    title: str
    outcome: str
    severity: str
    cause: str
    pr_url: str
    pr_state: str
    pr_number: int | None
    cost_usd: float | None
    seconds: float
    created_at: datetime
    merged_into: str
    repeats: int
    folded: list["ListRow"] = field(default_factory=list)

    @property
    def outcome_words(self) -> str:
        """How it ended, in words."""
        return OUTCOME_WORDS.get(self.outcome, self.outcome)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.outcome == "open"


@dataclass(frozen=True)
class IncidentList:
    """One page of the list."""

    rows: list[ListRow]
    filter: Filter
    behind: str
    following: str
    """The cursor of the next page; empty at the end."""
    read: int
    """Incidents that were read for it."""


def filter_of(arguments: MultiDict[str, str]) -> Filter:
    """Return the filter of an address's query."""
    names = ("outcome", "severity", "service", "words")
    return Filter(**{name: clip(arguments.get(name, "").strip(), _MAX_TEXT, "") for name in names})


def incident_list(store: TraceStore, wanted: Filter, behind: str = "") -> IncidentList:
    """
    Return a page of the list; `behind` is the cursor of the page before.

    One read of at most PAGE incidents without a filter, and reads of at most MAX_READ together with one. Raises
    Rejected for what is no cursor, and what the store raises.
    """
    position = _position(behind)
    rows: list[ListRow] = []
    read = 0
    while True:
        page = store.incident_page(position, PAGE)
        read += PAGE
        rows += [row for row in map(_row, page.records) if wanted.passes(row)]
        position = page.following
        if position is None or wanted.is_empty or len(rows) >= PAGE or read >= MAX_READ:
            return IncidentList(_folded(rows), wanted, behind, _cursor(position), read)


def _row(record: IncidentRecord) -> ListRow:
    outcome: dict[str, Any] = record.outcome or {}
    pull_request = record.pull_request
    kind = str(outcome.get("kind") or "") if record.state not in ("open", "held") else record.state
    duration_ms, cost = outcome.get("duration_ms"), outcome.get("cost_usd")
    ended = clock.now() if record.state == "open" else record.updated_at
    return ListRow(
        incident_id=record.incident_id,
        service=redact(record.service_name),
        title=_title(record, outcome),
        outcome=kind or record.state,
        severity=str(outcome.get("severity") or ""),
        cause=redact(one_line(str(outcome.get("cause") or ""))),
        pr_url=(pull_request.url if pull_request else None) or str(outcome.get("pr_url") or ""),
        pr_state=pull_request.state.replace("_", " ") if pull_request else "",
        pr_number=pull_request.number if pull_request else None,
        cost_usd=cost if isinstance(cost, float) else None,
        seconds=duration_ms / 1000 if isinstance(duration_ms, int) and duration_ms else _seconds(record, ended),
        created_at=record.created_at,
        merged_into=str(outcome.get("merged_into") or record.follows or ""),
        repeats=record.merged_alerts,
    )


def _title(record: IncidentRecord, outcome: dict[str, Any]) -> str:
    """Return what is wrong: the brief's subject without its marks and the service, else the alert's words."""
    subject = str(outcome.get("subject") or "").rpartition("] ")[2].removeprefix(f"{record.service_name}: ")
    title = subject or str(record.alert.get("summary") or record.alert.get("alert_name") or "")
    return clip(redact(one_line(title)), 200)


def _seconds(record: IncidentRecord, ended: datetime) -> float:
    return max(0.0, (ended - record.created_at).total_seconds())


def _folded(rows: Iterable[ListRow]) -> list[ListRow]:
    """Return the rows without those that repeat another row of the page, which holds them."""
    rows = list(rows)
    leaders = {row.incident_id: row for row in rows}
    alone = []
    for row in rows:
        leader = leaders.get(row.merged_into) if row.outcome in _FOLDED else None
        if leader is None or leader is row:
            alone.append(row)
        else:
            leader.folded.append(row)
    return alone


def _cursor(position: ListPosition | None) -> str:
    if position is None:
        return ""
    text = f"{position.created_at.isoformat()} {position.incident_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _position(cursor: str) -> ListPosition | None:
    if not cursor:
        return None
    try:
        text = base64.urlsafe_b64decode(cursor[:1_000] + "=" * (-len(cursor[:1_000]) % 4)).decode()
        moment, _, incident_id = text.partition(" ")
        return ListPosition(clock.to_utc(datetime.fromisoformat(moment)), incident_id)
    except (ValueError, binascii.Error):
        raise Rejected("This page of the list does not exist; start again from the first") from None
