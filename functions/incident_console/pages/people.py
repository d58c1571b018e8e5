"""What people did about an incident and its service: acknowledged, muted, judged, and what they judged before."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode

from pydantic import ValidationError

from shared import clock, log
from shared.admission import mutes
from shared.admission.maintenance import MaintenanceWindow
from shared.admission.operator_journal import JournalEntry
from shared.http.validation import places
from shared.redaction import redact_json
from shared.traces.port import TraceStore

from .incident_trace import IncidentTrace

MAX_BEFORE = 5
VERDICT_WORDS = {"right": "right", "partly": "partly right", "wrong": "wrong"}


@dataclass(frozen=True)
class PeopleView:
    """What people did here, what they judged of earlier incidents of the service, and its mute if one is in force."""

    done: list[JournalEntry]
    recent: list[JournalEntry]
    """What was done for the service, here and elsewhere, the newest first."""
    before: list[JournalEntry]
    mute: MaintenanceWindow | None
    approval_url: str
    """Where a person approves the pull request; empty when nothing waits."""

    def of_request(self, request_id: str) -> JournalEntry | None:
        """Return what became of a request, or None while it is not carried out."""
        return next((entry for entry in self.recent if entry.request_id == request_id), None)

    @property
    def acknowledged(self) -> JournalEntry | None:
        """Who acknowledged the incident, or None."""
        return next((entry for entry in self.done if entry.kind == "acknowledge"), None)


def people_view(trace: IncidentTrace, journal: Iterable[JournalEntry], store: TraceStore) -> PeopleView:
    """Return what people did, from the trace, the journal and one read of the windows. Raises what the store raises."""
    service, waiting = trace.document["service_name"], trace.pull_request
    recent = [one for one in journal if one.service_name == service]
    earlier = [one for one in recent if one.kind == "judge" and one.incident_id != trace.incident_id]
    is_waiting = (trace.document["pull_request"] or {}).get("state") == "awaiting_approval"
    return PeopleView(
        done=[entry for run in trace.requests if (entry := _entry(dict(run.entry["agent_input"]))) is not None],
        recent=recent,
        before=earlier[:MAX_BEFORE],
        mute=mutes.mute_of(store, service),
        approval_url=(waiting.approval_url or "") if waiting and is_waiting else "",
    )


def words_of(entry: JournalEntry) -> str:
    """Return what somebody did, in words."""
    match entry.kind:
        case "acknowledge":
            return "acknowledged it"
        case "mute":
            return f"muted {entry.service_name} until {_minute(entry.until)}"
        case "unmute":
            return f"let {entry.service_name} be heard again ({entry.became})"
        case "judge":
            return f"judged the cause {VERDICT_WORDS[entry.verdict or 'wrong']}"
    return f"had {entry.service_name} investigated ({entry.became})"


def acknowledged(entries: Iterable[JournalEntry]) -> dict[str, str]:
    """Return by incident what the list says of it: who acknowledged it, and how its cause was judged."""
    notes: dict[str, dict[str, str]] = {}
    for entry in entries:
        if entry.kind == "acknowledge":
            notes.setdefault(entry.incident_id, {}).setdefault("seen", f"acknowledged by {entry.by}")
        if entry.kind == "judge":
            words = f"cause judged {VERDICT_WORDS[entry.verdict or 'wrong']}"
            notes.setdefault(entry.incident_id, {}).setdefault("judged", words)
    return {incident_id: ", ".join(parts.values()) for incident_id, parts in notes.items()}


def page_of(entry: JournalEntry) -> str:
    """Return the page that shows what became of a request."""
    incident = f"/incidents/{quote(entry.incident_id, safe='')}"
    return f"{incident}?{urlencode({'asked': entry.request_id})}" if entry.incident_id else "/incidents"


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "later"


def _entry(facts: dict[str, object]) -> JournalEntry | None:
    try:
        return JournalEntry.model_validate(redact_json(facts))
    except ValidationError as error:
        log.warning("incident_console.unreadable", part="JournalEntry", error=places(error), at=str(clock.now()))
        return None
