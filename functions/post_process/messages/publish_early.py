"""Publishes the facts of an incident before anybody judges them; its brief follows in the same threads."""

from collections.abc import Callable
from functools import partial
from typing import Any

from shared import log
from shared.admission.brakes import take_early_mail
from shared.admission.settings import BrakeSettings
from shared.channels import HOOKS
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import IncidentCopilotError, Rejected
from shared.outbox.last_message import early_message_id
from shared.outbox.port import Mail
from shared.traces.port import TraceStore

from ..brief.early import WHAT_FOLLOWS, early_view
from ..brief.opinion import BriefWords
from ..brief.render import rendered
from ..brief.view import announcement
from ..deliveries import Connections, called, receivers, sent
from ..publisher import OutcomePublisher, deliver_further, early_lease


def publish_early(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    """
    Send the early brief by each channel once; nothing after the brief, and nothing while the hour has no mail for it.

    The incident stays open whatever becomes of it. Raises Rejected when nothing was read, Unavailable while another
    attempt is sending.
    """
    if request.facts is None or not request.facts.sends_early:
        raise Rejected(f"Nothing of {request.incident_id!r} was read that is to be said early")
    name = f"{request.incident_id}.early"
    slot = _slot(request.incident_id, name, store)
    if slot is None:
        return Outcome(kind="early")
    publisher = OutcomePublisher(request, store, BriefWords())
    hooks: dict[str, Callable[[], str]] = {
        channel: partial(_call, channel, publisher, connections, name) for channel in HOOKS
    }
    deliver_further(publisher, connections, {**hooks, "mail": partial(_send, publisher, connections)}, early_lease)
    if publisher.statuses["mail"] in ("off", "failed"):
        publisher.attempt("traces", lambda: store.release(slot, name))
    outcome = publisher.outcome("early")
    log.info("early.published", kind=outcome.kind, deliveries=outcome.deliveries)
    return outcome


def _slot(incident_id: str, holder: str, store: TraceStore) -> str | None:
    """Return the slot of the mail; None when there is none, the brief is out, or no store could say whether it is."""
    try:
        record = store.incident(incident_id)
        if record is None or record.state != "open":
            return None
        slot = take_early_mail(store, holder, BrakeSettings.from_env())
    except IncidentCopilotError as error:
        # Worth no delay of the brief, and it might come twice.
        log.warning("early.store_failed", error_type=type(error).__name__, error=str(error))
        return None
    if slot is None:
        log.info("early.held_back")
    return slot


def _call(channel: str, publisher: OutcomePublisher, connections: Connections, key: str) -> str:
    def payload() -> dict[str, Any]:
        facts = announcement(publisher.request, publisher.failures)
        words = {"kind": "early", "headline": f"{facts['headline']} {WHAT_FOLLOWS}", "recommended_action": ""}
        return {**facts, **words, "update_id": key}

    return called(channel, publisher, connections, payload, key)


def _send(publisher: OutcomePublisher, connections: Connections) -> str:
    mailer = connections.mail()
    if mailer is None:
        return ""
    to = receivers(publisher, connections)
    brief = rendered(early_view(publisher.request, publisher.failures, publisher.usage))
    message_id = early_message_id(publisher.request.incident_id)
    return sent(mailer, Mail(to, brief.subject, brief.html, brief.text, message_id, brief.images))
