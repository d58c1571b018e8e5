"""Carry out what a person asked for in the console, and note it with the incident and in the journal."""

from collections.abc import Callable
from datetime import datetime, timedelta

from shared import clock, log
from shared.admission import maintenance, mutes, operator_journal
from shared.admission.operator_journal import JournalEntry, entry_of
from shared.admission.operator_requests import AGENT, OperatorRequest
from shared.contracts import Alert
from shared.errors import Rejected
from shared.step.trusted_alert import alert_to_send_again
from shared.traces.port import Run, TraceStore

_OF_REQUEST = (
    "incident_id",
    "received_at",
    "start",
    "end",
    "started_at",
    "lookup_window_s",
    "status",
    "is_test",
    "user_id",
)
"""What of an alert a request decides: whose incident it is, which time, and who wants it."""
Route = Callable[[Alert], str]


def carry_out(request: OperatorRequest, store: TraceStore, route: Route) -> None:
    """
    Do what is asked, once however often the message comes; `route` decides what an alert becomes.

    Raises Rejected (no such incident, too many windows), and what the store and `route` raise.
    """
    if request.incident_id and store.incident(request.incident_id) is None:
        raise Rejected(f"Request {request.request_id!r} is about {request.incident_id!r}, which does not exist")
    if any(entry.request_id == request.request_id for entry in operator_journal.entries(store)):
        log.info("operator_request.repeated", kind=request.kind)
        return
    entry = _done(request, store, route)
    if request.incident_id:
        store.record_run(request.incident_id, _run(request, entry))
    # Last: an attempt that dies before does it again, and doing it again changes nothing.
    operator_journal.add(store, entry)
    log.info("operator_request.carried_out", kind=request.kind, incident_id=request.incident_id)


def _done(request: OperatorRequest, store: TraceStore, route: Route) -> JournalEntry:
    until: datetime | None = None
    became, target = "", request.incident_id
    if request.kind == "investigate" and request.alert is not None:
        alert = _to_investigate(request.alert, request.incident_id, store)
        became, target = _investigated(alert, store, route), alert.incident_id
    elif request.kind == "mute":
        # A clock that is ahead makes no mute longer.
        until = min(request.at, clock.now()) + timedelta(minutes=request.minutes)
        mutes.mute(store, request.service_name, request.by, until)
    elif request.kind == "unmute":
        became = f"{mutes.unmute(store, request.service_name)} held"
    return entry_of(request, until=until, became=became, incident_id=target)


def _to_investigate(alert: Alert, incident_id: str, store: TraceStore) -> Alert:
    """
    Return the alert of a request; once more for an incident, it is what this function signed of that incident's.

    The console made it from the trace, which others may write, and what comes of it is signed.
    """
    record = store.incident(incident_id) if incident_id else None
    if record is None:
        return alert
    return alert_to_send_again(record).replace(**{name: getattr(alert, name) for name in _OF_REQUEST})


def _investigated(alert: Alert, store: TraceStore, route: Route) -> str:
    became = route(alert)
    is_stopped = became == "held" and maintenance.window_of(alert, store, is_by_hand=True) is not None
    return "held: everything is paused" if is_stopped else became


def _run(request: OperatorRequest, entry: JournalEntry) -> Run:
    """Return what was done as a run of the incident's trace: no answer of a step, so none that one could read."""
    facts = entry.model_dump(mode="json", exclude_defaults=True)
    return Run(AGENT, request.at, request.at, facts, None)
