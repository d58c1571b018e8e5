"""After a decision: a short message on what became of the pull request; the brief itself was sent before."""

from functools import partial
from html import escape
from typing import Any

from shared.channels import HOOKS
from shared.contracts import Outcome, PostProcessRequest
from shared.outbox.last_message import answering_subject, brief_message_id
from shared.outbox.port import Mail
from shared.step.losses import loss, why
from shared.text.harmless import defanged, visible
from shared.traces.port import IncidentRecord, TraceStore

from ..brief.opinion import BriefWords
from ..brief.short_page import short_page
from ..brief.view import announcement
from ..deliveries import Connections, called, receivers, sent
from ..publisher import OutcomePublisher, deliver_further


def mail_approval_result(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    """
    Send the result once by mail and each hook. The incident's published outcome does not change.

    Raises Unavailable while another attempt is sending; no other IncidentCopilotError.
    """
    publisher = OutcomePublisher(request, store, BriefWords())
    record = publisher.attempt("traces", lambda: store.incident(request.incident_id))
    hooks = {name: partial(_call, name, publisher, connections, record) for name in HOOKS}
    deliveries = {**hooks, "mail": partial(_send, publisher, connections, record)}
    # The mail's lease has the name that earlier releases gave it.
    deliver_further(
        publisher, connections, deliveries, lambda name: "follow_up" if name == "mail" else f"follow_up_{name}"
    )
    publisher.attempt("traces", lambda: _record(request, store))
    return publisher.outcome()


def _call(channel: str, publisher: OutcomePublisher, connections: Connections, record: IncidentRecord | None) -> str:
    request = publisher.request

    def payload() -> dict[str, Any]:
        brief, made = announcement(request, []), request.pull_request
        is_open = made is not None and made.pr_url is not None and not request.is_declined
        words = {"title": headline(request), "headline": headline(request), "recommended_action": ""}
        if not is_open:
            words["recommended_action"] = " ".join(_why_not(request, record))
        pages = {"pr_url": made.pr_url if made else None, "approval_url": None}
        return {**brief, **words, **pages, "kind": "approval_result", "most_likely_cause": "", "failures": []}

    key = f"{request.incident_id}.approved"
    return called(channel, publisher, connections, payload, key, thread=request.incident_id)


def headline(request: PostProcessRequest) -> str:
    """Return in one line what became of the approved pull request."""
    made, service = request.pull_request, request.alert.service_name
    if request.is_declined:
        return f"The pull request for {service} was not approved, and nothing was written"
    if made is not None and made.pr_url is not None:
        return f"Pull request #{made.pr_number} for {service} is open"
    return f"The approved pull request for {service} was not opened"


def _send(publisher: OutcomePublisher, connections: Connections, record: IncidentRecord | None) -> str:
    mailer = connections.mail()
    if mailer is None:
        return ""
    return sent(mailer, written(publisher.request, receivers(publisher, connections), record))


def _record(request: PostProcessRequest, store: TraceStore) -> None:
    """Let the approval page say that nothing was opened; pr_creator records what it opened itself."""
    made, record = request.pull_request, store.incident(request.incident_id)
    stored = record.pull_request if record else None
    if stored is None or stored.state != "approved" or (made is not None and made.status == "success"):
        return
    url = made.pr_url if made is not None and made.pr_url else stored.url
    reason = " ".join(_why_not(request, record))
    store.set_pull_request(request.incident_id, stored.replace(state="not_opened", url=url, reason=reason))


def _why_not(request: PostProcessRequest, record: IncidentRecord | None) -> list[str]:
    if request.is_declined:
        waited = record.pull_request if record else None
        declined = waited is not None and waited.decision == "decline"
        by = waited.decided_by if declined and waited else ""
        return [f"{by or 'Somebody'} declined it." if declined else "Nobody approved it in time."]
    made = request.pull_request
    messages = (made.message if made else "", request.branch.message if request.branch else "")
    lines = [text for text in dict.fromkeys(messages) if text]
    return lines + [f"{loss(failure)} Why: {why(failure)}" for failure in request.failures]


def written(request: PostProcessRequest, to: tuple[str, ...], record: IncidentRecord | None = None) -> Mail:
    """Return the mail: what was opened, or why nothing was; `record` names the decision and the thread's subject."""
    made = None if request.is_declined else request.pull_request
    if made is not None and made.pr_url is not None:
        lines = [f"It was approved and is open: {made.pr_url}"]
        lines += [f"Asked for a review: {', '.join(made.reviewers)}."] if made.reviewers else []
    else:
        lines = _why_not(request, record)
    lines = [f"{headline(request)}.", *lines, f"Incident {request.incident_id}."]
    # Only the pull request's own address, which was checked, becomes a link; what failed may quote others.
    url = made.pr_url if made is not None else None
    lines = [line if url and url in line else defanged(visible(line)) for line in lines]
    html = short_page(*(_linked(line, url) for line in lines))
    message_id = f"<{request.incident_id}.approved@incident-copilot>"
    text, brief_id = "\n\n".join(lines) + "\n", brief_message_id(request.incident_id)
    thread = str((record.outcome or {}).get("subject") or "") if record else ""
    subject = answering_subject(thread, headline(request))
    return Mail(to, subject, html, text, message_id, in_reply_to=brief_id)


def _linked(line: str, url: str | None) -> str:
    text = escape(line)
    return text.replace(escape(url), f'<a href="{escape(url)}">{escape(url)}</a>') if url else text
