"""What became known of the pull request after the brief was out, as an update of the same thread."""

from dataclasses import dataclass
from functools import partial
from html import escape
from typing import Any

from shared.channels import HOOKS
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import Rejected, Unavailable
from shared.outbox.last_message import answering_subject, brief_message_id
from shared.outbox.port import Mail
from shared.text.harmless import defanged, one_line
from shared.traces.port import TraceStore
from shared.traces.pull_request_record import PullRequestRecord

from ..brief.opinion import BriefWords
from ..brief.short_page import short_page
from ..brief.view import announcement
from ..deliveries import Connections, called, receivers, sent
from ..publisher import OutcomePublisher, deliver_further


@dataclass(frozen=True)
class _News:
    """What there is to say: its kind in hooks, leases and ids of messages, and its words."""

    kind: str
    name: str
    headline: str
    subject: str
    advice: str


def publish_update(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    """
    Send the update by mail and each hook, once, and note in the published outcome that people know of it.

    Raises Rejected when the incident has no pull request of which anything is new, Unavailable when no channel took it.
    """
    record = store.incident(request.incident_id)
    opened, body = (record.pull_request, record.outcome) if record else (None, None)
    before = Outcome.model_validate(body) if body else None
    if opened is None or opened.url is None or before is None:
        raise Rejected(f"The incident {request.incident_id!r} has no pull request to name")
    if before.pr_url is not None and opened.checks in ("", before.checks):
        # Another attempt said it.
        return before
    news = _news(request, opened, before)
    publisher = OutcomePublisher(request, store, BriefWords())
    hooks = {name: partial(_call, name, publisher, connections, opened, news) for name in HOOKS}
    deliveries = {**hooks, "mail": partial(_send, publisher, connections, opened, news, before.subject)}
    deliver_further(publisher, connections, deliveries, lambda name: f"{news.name}_{name}")
    outcome = publisher.outcome()
    if not outcome.delivered_by:
        raise Unavailable(f"No channel took the update about {opened.url}")
    named = before.replace(pr_url=opened.url, checks=opened.checks if news.kind == "checks" else before.checks)
    store.amend_outcome(request.incident_id, named.model_dump(mode="json"))
    return outcome


def _news(request: PostProcessRequest, opened: PullRequestRecord, before: Outcome) -> _News:
    service = request.alert.service_name
    if before.pr_url is None:
        return _News(
            "late_pull_request",
            "update",
            "A pull request was opened after the brief, which does not name it",
            f"Pull request #{opened.number} for {service} is open",
            "A step ended only after the brief had been made without it. Review it as any other, or close it.",
        )
    if opened.checks == "passed":
        advice = "They ran on the branch as it was drafted. Review it as any other."
    else:
        advice = (
            f"Failed: {', '.join(opened.checks_failed)}. Look whether the base branch passes them before you merge."
        )
    headline = f"The checks of the drafted pull request {opened.checks}"
    subject = f"Checks of pull request #{opened.number} for {service} {opened.checks}"
    # Each result is said once.
    return _News("checks", f"checks_{opened.checks}", headline, subject, advice)


def _call(
    channel: str, publisher: OutcomePublisher, connections: Connections, opened: PullRequestRecord, news: _News
) -> str:
    request = publisher.request

    def payload() -> dict[str, Any]:
        brief = announcement(request, [])
        return {**brief, "kind": news.kind, "headline": news.headline, "pr_url": opened.url, "failures": []}

    key = f"{request.incident_id}.{news.name}"
    return called(channel, publisher, connections, payload, key, thread=request.incident_id)


def _send(
    publisher: OutcomePublisher, connections: Connections, opened: PullRequestRecord, news: _News, thread: str
) -> str:
    mailer = connections.mail()
    if mailer is None:
        return ""
    return sent(mailer, written(publisher.request, opened, news, receivers(publisher, connections), thread))


def written(
    request: PostProcessRequest, opened: PullRequestRecord, news: _News, to: tuple[str, ...], thread: str
) -> Mail:
    """Return the mail, an answer to the brief, whose subject is `thread`."""
    url, incident_id = opened.url or "", request.incident_id
    lines = [f"{news.headline}: {url}", defanged(one_line(news.advice)), f"Incident {incident_id}."]
    html = [escape(line).replace(escape(url), f'<a href="{escape(url)}">{escape(url)}</a>') for line in lines]
    return Mail(
        to,
        answering_subject(thread, news.subject),
        short_page(*html),
        "\n\n".join(lines) + "\n",
        f"<{incident_id}.{news.name}@incident-copilot>",
        in_reply_to=brief_message_id(incident_id),
    )
