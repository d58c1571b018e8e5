"""Publishes the message that a held incident carries, once, by every channel that reaches people."""

from shared import clock
from shared.admission import history
from shared.admission.service_window import note_published, service_key
from shared.admission.settings import CoalescingSettings
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import IncidentCopilotError
from shared.outbox.port import Mailer
from shared.traces.port import Hold, IncidentRecord, TraceStore

from ..brief.opinion import BriefWords
from ..deliveries import Connections, Delivery, Notice, by_hooks, called, receivers, sent
from ..publisher import OutcomePublisher, deliver_all
from .held_message import HeldMessage, list_of, update_of

MAX_LISTED = 2_000
"""How many alerts of one list are read."""


def held_carrier(request: PostProcessRequest, store: TraceStore) -> tuple[IncidentRecord, Hold] | None:
    """Return the incident when it carries a message about held alerts; None for others, and when it is unreadable."""
    try:
        record = store.incident(request.incident_id)
    except IncidentCopilotError:
        return None
    if record is None or record.hold is None or not record.hold.leads:
        return None
    return record, record.hold


def publish_held(
    request: PostProcessRequest, carrier: IncidentRecord, hold: Hold, store: TraceStore, connections: Connections
) -> Outcome:
    """
    Deliver the message and close its incident; the end of an incident gives its service back.

    Raises Unavailable as `publish` does, and what the store raises while the alerts are read.
    """
    message = _message(carrier, hold, store)
    publisher = OutcomePublisher(request, store, BriefWords())
    deliver_all(publisher, connections, _deliveries(message))
    leader = hold.follows if hold.reason == "update" else None
    by_cause = leader if carrier.service_name != message.service_name else None
    outcome = publisher.outcome(message.kind).replace(
        merged_into=leader, linked_to=by_cause, subject=message.mail(()).subject
    )
    publisher.close(outcome)
    if outcome.kind == "undelivered":
        return outcome
    if by_cause is not None:
        # It was joined by its cause, and goes on taking what its own service sends.
        taking = outcome.replace(kind="merged")
        publisher.attempt("traces", lambda: note_published(store, carrier.service_name, carrier.incident_id, taking))
    if outcome.kind == "resolved" and leader is not None:
        publisher.attempt("traces", lambda: store.release(service_key(message.service_name), leader))
    return outcome


def _message(carrier: IncidentRecord, hold: Hold, store: TraceStore) -> HeldMessage:
    if hold.reason != "update":
        members = store.followers(carrier.incident_id, MAX_LISTED)
        first = store.incident(hold.follows) if hold.follows else None
        subject = str((first.outcome or {}).get("subject") or "") if first else ""
        return list_of(carrier, hold, [one for one in members if not (one.hold and one.hold.leads)], subject)
    past = history.read(store, carrier)
    is_whole = len(past.held) <= history.MAX_ALERTS
    is_calm = is_whole and clock.now() - past.fold().last_at >= CoalescingSettings.from_env().hold
    return update_of(carrier, past, is_calm)


def _deliveries(message: HeldMessage) -> dict[str, Delivery]:
    def mail(notice: Notice, connections: Connections) -> str:
        mailer: Mailer | None = connections.mail()
        return "" if mailer is None else sent(mailer, message.mail(receivers(notice, connections)))

    def hook(channel: str, notice: Notice, connections: Connections) -> str:
        # A list that continues no incident begins its own thread.
        thread = message.thread if message.thread != message.incident_id else ""
        return called(channel, notice, connections, message.payload, thread=thread)

    return {**by_hooks(hook), "mail": mail}
