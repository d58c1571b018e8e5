"""How an outcome is delivered by each channel: each delivery returns its receipt, empty when the channel is off."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from shared import log, outbox
from shared.channels import HOOKS
from shared.containment import contained
from shared.contracts import Failure, Outcome, OutcomeKind, PostProcessRequest
from shared.errors import IncidentCopilotError
from shared.outbox.last_message import LastMessage, brief_message_id
from shared.outbox.port import Archive, Hook, Mail, Mailer
from shared.pull_request.signing import CODE_MARK, ApprovalSettings
from shared.step import recorder
from shared.step.losses import loss, why

from .brief.render import Brief
from .brief.view import announcement, deployed


@dataclass(frozen=True)
class Connections:
    """How to open each channel; opening may raise Misconfigured, which the other channels then report."""

    mail: Callable[[], Mailer | None]
    hook: Callable[[], Hook | None]
    archive: Callable[[], Archive | None]
    on_call: Callable[[], tuple[str, ...]]
    hooks: Mapping[str, Callable[[], Hook | None]] = field(default_factory=dict)
    """The hooks with variables of their own, by their channel's name; one that is not named is off."""
    scheduled: Callable[[], tuple[str, ...]] = tuple
    """Who is on a schedule now; nobody when on_call alone decides. Raises when it cannot be read."""

    @classmethod
    def configured(cls) -> "Connections":
        """Return the channels of the settings; each is opened when it is needed."""
        return cls(
            outbox.connect_mail,
            outbox.connect_hook,
            outbox.connect_archive,
            outbox.on_call,
            outbox.HOOKS,
            outbox.scheduled,
        )

    def hook_of(self, channel: str) -> Hook | None:
        """Return the hook of a channel, or None when it is off. Raises Misconfigured."""
        return self.hook() if channel == "hook" else self.hooks[channel]() if channel in self.hooks else None

    def is_off(self, channel: str) -> bool:
        """Return whether a channel has variables of its own and none is set: then no lease need be taken for it."""
        if channel not in outbox.HOOKS:
            return False
        # What is raised here is met again by its delivery, which names it.
        return contained(lambda: channel not in self.hooks or self.hooks[channel]() is None, lambda _: False)


class Notice(Protocol):
    """What there is to deliver, with every failure so far."""

    request: PostProcessRequest
    failures: list[Failure]

    @property
    def thread(self) -> str:
        """The incident whose thread the brief joins where hooks have threads; empty when it begins its own."""
        ...

    @property
    def answered(self) -> tuple[str, ...]:
        """The Message-IDs of the mails that the brief continues, the first of the thread leading."""
        ...

    def first_receipt(self, channel: str, incident_id: str) -> str:
        """Return the receipt of an incident's first message in a channel that has threads; else an empty text."""
        ...

    def render(self) -> Brief:
        """Return the brief."""
        ...

    def outcome(self, kind: OutcomeKind | None = None, archived_path: str | None = None) -> Outcome:
        """Return how the incident ended."""
        ...


Delivery = Callable[[Notice, Connections], str]


Payload = dict[str, Any]


def by_hooks(deliver: Callable[[str, Notice, Connections], str]) -> dict[str, Delivery]:
    """Return one delivery per hook of the table of channels: `deliver` gets the channel's name first."""
    return {channel: partial(deliver, channel) for channel in HOOKS}


def call_hook(channel: str, notice: Notice, connections: Connections) -> str:
    """Post the few facts that other systems show. Raises what a Hook raises."""
    return called(
        channel, notice, connections, lambda: announcement(notice.request, notice.failures), thread=notice.thread
    )


def called(
    channel: str,
    notice: Notice,
    connections: Connections,
    payload: Callable[[], Payload],
    key: str = "",
    thread: str = "",
) -> str:
    """
    Post a payload, which is made only where there is a hook, under the incident's key; return its receipt.

    `thread` is the incident in whose thread it stands, where the channel has threads. Raises what a Hook raises.
    """
    hook = connections.hook_of(channel)
    if hook is None:
        return ""
    incident_id = notice.request.incident_id
    first = notice.first_receipt(channel, thread) if thread else ""
    with recorder.tool(channel, incident_id=incident_id) as call:
        content = payload()
        page = outbox.incident_page(content["incident_id"])
        call.result = hook.call({**content, **({"brief_url": page} if page else {})}, key or incident_id, first)
    return call.result or key or incident_id


def report_change(notice: Notice, connections: Connections) -> str:
    """Send the deploy that the analysis names as a change event; off without one. Raises what a Hook raises."""
    hook = connections.hooks["pagerduty_change"]() if "pagerduty_change" in connections.hooks else None
    change = deployed(notice.request)
    if hook is None or change is None:
        return ""
    incident_id = notice.request.incident_id
    with recorder.tool("pagerduty_change", incident_id=incident_id):
        return hook.call(change, incident_id)


def receivers(notice: Notice, connections: Connections) -> tuple[str, ...]:
    """
    Return who gets the mail: whoever is on the schedule, else the engineers on call.

    A schedule that cannot be read is noted as a failure, before the brief is made. Raises Misconfigured without either.
    """
    try:
        if scheduled := connections.scheduled():
            return scheduled
    except IncidentCopilotError as error:
        log.error("outbox.schedule_unread", error_type=type(error).__name__, error=str(error))
        failure = Failure(step="on_call", error_type=type(error).__name__, message=str(error))
        if failure not in notice.failures:
            notice.failures.append(failure)
    return connections.on_call()


def send_mail(notice: Notice, connections: Connections) -> str:
    """Mail the brief to the engineers on call. Raises what a Mailer raises."""
    mailer = connections.mail()
    if mailer is None:
        return ""
    to = receivers(notice, connections)
    brief, message_id = notice.render(), brief_message_id(notice.request.incident_id)
    *before, last = notice.answered or ("",)
    html, text = (_with_code(body, notice.request) for body in (brief.html, brief.text))
    mail = Mail(to, brief.subject, html, text, message_id, brief.images, last, tuple(before))
    return sent(mailer, mail)


def _with_code(body: str, request: PostProcessRequest) -> str:
    """Return the body with the code that opens the approval page, which stands in no archive, hook or trace."""
    made = request.pull_request
    if made is None or not made.awaits_approval or made.approve_until is None or not ApprovalSettings.is_set_up():
        return body
    return body.replace(CODE_MARK, ApprovalSettings.from_env().code(request.incident_id, made.approve_until))


def sent(mailer: Mailer, mail: Mail) -> str:
    """Send a mail; return the provider's id of it, or its own."""
    with recorder.tool("mail", subject=mail.subject, receivers=len(mail.to)) as call:
        call.result = mailer.send(mail).provider_id
    return call.result or mail.message_id


def save(notice: Notice, connections: Connections) -> str:
    """Save the brief, what it was made from and the outcome; return where. Raises what an Archive raises."""
    with recorder.tool("render_brief") as call:
        # For the console, which shows the brief as people got it; the code of an approval is not in it.
        call.result = notice.render().html
    archive = connections.archive()
    if archive is None:
        return ""
    folder, brief = notice.request.incident_id, notice.render()
    path = archive.save(f"{folder}/brief.html", brief.html.encode(), brief.images)
    archive.save(f"{folder}/brief.txt", brief.text.encode())
    archive.save(f"{folder}/incident.json", notice.request.model_dump_json(indent=2).encode())
    archive.save(f"{folder}/outcome.json", notice.outcome(archived_path=path).model_dump_json(indent=2).encode())
    return path


def call_hook_last(channel: str, notice: Notice, connections: Connections) -> str:
    """Post the last message. Raises what a Hook raises."""
    hook, incident_id = connections.hook_of(channel), notice.request.incident_id
    # It shares no code with the brief's delivery that could fail with it.
    return (hook.call(_last_message(notice).payload(), incident_id) or incident_id) if hook else ""


def send_mail_last(notice: Notice, connections: Connections) -> str:
    """Mail the last message. Raises what a Mailer raises."""
    mailer = connections.mail()
    return "" if mailer is None else sent(mailer, _last_message(notice).mail(receivers(notice, connections)))


def _last_message(notice: Notice) -> LastMessage:
    alert = notice.request.alert
    since = alert.started_at or alert.received_at
    reason = " ".join(f"{loss(failure)} Why: {why(failure)}" for failure in notice.failures[-3:])
    return LastMessage(alert.incident_id, alert.service_name, alert.alert_name, reason, since.isoformat())


LAST_DELIVERIES: dict[str, Delivery] = {**by_hooks(call_hook_last), "mail": send_mail_last}
"""How a channel delivers when the brief cannot be made."""

DELIVERIES: dict[str, Delivery] = {
    **by_hooks(call_hook),
    "pagerduty_change": report_change,
    "mail": send_mail,
    "archive": save,
}
"""The delivery of each channel of shared/channels.py, by its name."""
