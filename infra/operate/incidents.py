"""List incidents, say in a few lines what became of one, and print its whole trace."""

import json
from urllib.parse import quote

from pydantic import ValidationError
from rich.console import Console

from shared.contracts import Outcome
from shared.traces.port import IncidentRecord, TraceStore

LISTED = 50
"""How many incidents are listed, the newest."""


def show_list(store: TraceStore, console: Console) -> int:
    """Print a line per incident, the newest first."""
    for record in store.incidents(limit=LISTED):
        line = f"{record.incident_id}  {record.created_at:%Y-%m-%d %H:%M:%S}  {record.service_name}  {_became(record)}"
        console.print(line, soft_wrap=True)
    return 0


def show_trace(store: TraceStore, incident_id: str, console: Console) -> int:
    """Print the whole trace as JSON; 1 when there is none."""
    document = store.document(incident_id)
    if document is None:
        return _absent(incident_id, console)
    console.print_json(json.dumps(document))
    return 0


def show_incident(store: TraceStore, incident_id: str, project: str | None, console: Console) -> int:
    """Print what became of one incident: how it ended, by which channels, what failed, what it cost; 1 without one."""
    record = store.incident(incident_id)
    if record is None:
        return _absent(incident_id, console)
    for name, text in _facts(record, project, store.link(incident_id)):
        console.print(f"{name:<10} {text}", soft_wrap=True)
    return 0


def _absent(incident_id: str, console: Console) -> int:
    console.print(f"There is no incident {incident_id!r}.")
    return 1


def _facts(record: IncidentRecord, project: str | None, trace: str) -> list[tuple[str, str]]:
    outcome = _outcome(record)
    facts = [
        ("incident", record.incident_id),
        ("alert", f"{record.alert.get('alert_name') or 'without a name'}, of {record.service_name}"),
        ("received", f"{record.created_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("state", _became(record)),
    ]
    if record.hold and record.state == "held":
        facts.append(("held", f"{record.hold.reason} {record.hold.name}, until {record.hold.until:%H:%M:%S} UTC"))
    if record.follows:
        facts.append(("published", f"with {record.follows}"))
    if outcome:
        facts += _outcome_facts(outcome)
    if record.pull_request:
        opened = record.pull_request
        facts.append(("pull", f"{opened.url or 'no address'}, {opened.state}, checks {opened.checks or 'unknown'}"))
    facts.append(("execution", record.execution or "none was started"))
    if project:
        facts += [("log", log_page(project, record.incident_id)), ("trace", trace)]
    return facts


def _outcome_facts(outcome: Outcome) -> list[tuple[str, str]]:
    sent = [
        (name, " ".join(part for part in (status, outcome.receipts.get(name, "")) if part))
        for name, status in sorted(outcome.channel_statuses.items())
        if status != "off"
    ]
    failed = [("failed", f"{each.step}: {each.error_type}: {each.message}") for each in outcome.failures]
    cost = ("cost", f"{outcome.cost_usd:.4f} USD, {outcome.tokens:,} tokens, {outcome.duration_ms / 1000:.0f} s")
    return [*sent, *failed, cost]


def log_page(project: str, incident_id: str) -> str:
    """Return the page of Logs Explorer with the lines that every function wrote about an incident."""
    query = quote(f'labels.incident_id="{incident_id}"', safe="")
    return f"https://console.cloud.google.com/logs/query;query={query};duration=P7D?project={quote(project, safe='')}"


def _became(record: IncidentRecord) -> str:
    kind = (record.outcome or {}).get("kind")
    return f"{record.state}, {kind}" if kind else record.state


def _outcome(record: IncidentRecord) -> Outcome | None:
    try:
        return Outcome.model_validate(record.outcome) if record.outcome else None
    except ValidationError:
        return None
