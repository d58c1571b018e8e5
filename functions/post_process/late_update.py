"""What became known after the brief was out: a pull request that it does not name, as an update of the same thread."""

from functools import partial
from html import escape
from typing import Any

from shared.channels import HOOKS
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import Rejected, Unavailable
from shared.outbox.last_message import brief_message_id
from shared.outbox.port import Mail
from shared.traces.port import PullRequestRecord, TraceStore

from .brief.opinion import BriefWords
from .brief.view import announcement
from .deliveries import Connections, called, receivers, sent
from .publish_outcome import OutcomePublisher, deliver_further

HEADLINE = "A pull request was opened after the brief"


def publish_update(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    """
    Send the update by mail and each hook, once, and note in the published outcome that people know of it.

    Raises Rejected when the incident has no such pull request, Unavailable when no channel took it.
    """
    record = store.incident(request.incident_id)
    opened, before = (record.pull_request, record.outcome) if record else (None, None)
    if opened is None or opened.url is None or before is None:
        raise Rejected(f"The incident {request.incident_id!r} has no pull request to name")
    publisher = OutcomePublisher(request, store, BriefWords())
    hooks = {name: partial(_call, name, publisher, connections, opened) for name in HOOKS}
    deliveries = {**hooks, "mail": partial(_send, publisher, connections, opened)}
    deliver_further(publisher, connections, deliveries, lambda name: f"update_{name}")
    outcome = publisher.outcome()
    if not outcome.delivered_by:
        raise Unavailable(f"No channel took the update about {opened.url}")
    named = Outcome.model_validate(before).replace(pr_url=opened.url)
    store.amend_outcome(request.incident_id, named.model_dump(mode="json"))
    return outcome


def _call(channel: str, publisher: OutcomePublisher, connections: Connections, opened: PullRequestRecord) -> str:
    request = publisher.request

    def payload() -> dict[str, Any]:
        brief = announcement(request, [])
        return {**brief, "kind": "late_pull_request", "headline": HEADLINE, "pr_url": opened.url, "failures": []}

    key = f"{request.incident_id}.update"
    return called(channel, publisher, connections, payload, key, thread=request.incident_id)


def _send(publisher: OutcomePublisher, connections: Connections, opened: PullRequestRecord) -> str:
    mailer = connections.mail()
    if mailer is None:
        return ""
    return sent(mailer, written(publisher.request, opened, receivers(publisher, connections)))


def written(request: PostProcessRequest, opened: PullRequestRecord, to: tuple[str, ...]) -> Mail:
    """Return the mail, an answer to the brief."""
    url, incident_id = opened.url or "", request.incident_id
    lines = [
        f"{HEADLINE}, which does not name it: {url}",
        "A step came to its end only after the brief had been made without it. Review it as any other, or close it.",
        f"Incident {incident_id}.",
    ]
    html = "".join(f"<p>{escape(line)}</p>" for line in lines)
    linked = html.replace(escape(url), f'<a href="{escape(url)}">{escape(url)}</a>')
    return Mail(
        to,
        f"Pull request #{opened.number} for {request.alert.service_name} is open",
        f"<html><body>{linked}</body></html>",
        "\n\n".join(lines) + "\n",
        f"<{incident_id}.update@incident-copilot>",
        in_reply_to=brief_message_id(incident_id),
    )
