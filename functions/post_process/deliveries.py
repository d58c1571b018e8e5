"""How an outcome is delivered by each channel: each delivery returns its receipt, empty when the channel is off."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from shared.contracts import Failure, Outcome, OutcomeKind, PostProcessRequest
from shared.outbox.last_message import LastMessage, brief_message_id
from shared.outbox.port import Archive, Hook, Mail, Mailer
from shared.pull_request.signing import CODE_MARK, ApprovalSettings
from shared.step import recorder

from .brief.render import Brief
from .brief.view import announcement


@dataclass(frozen=True)
class Connections:
    """How to open each channel; opening may raise Misconfigured, which the other channels then report."""

    mail: Callable[[], Mailer | None]
    hook: Callable[[], Hook | None]
    archive: Callable[[], Archive | None]
    on_call: Callable[[], tuple[str, ...]]


class Notice(Protocol):
    """What there is to deliver, with every failure so far."""

    request: PostProcessRequest
    failures: list[Failure]

    @property
    def thread(self) -> str:
        """The incident whose mail thread the brief joins; empty for its own."""
        ...

    def render(self) -> Brief:
        """Return the brief."""
        ...

    def outcome(self, kind: OutcomeKind | None = None, archived_path: str | None = None) -> Outcome:
        """Return how the incident ended."""
        ...


Delivery = Callable[[Notice, Connections], str]


def call_hook(notice: Notice, connections: Connections) -> str:
    """Post the few facts that other systems show. Raises what a Hook raises."""
    return called(notice, connections, lambda: announcement(notice.request, notice.failures))


def called(notice: Notice, connections: Connections, payload: Callable[[], dict[str, Any]], key: str = "") -> str:
    """Post a payload, which is made only where there is a hook, under the incident's key. Raises what a Hook raises."""
    hook = connections.hook()
    if hook is None:
        return ""
    incident_id = notice.request.incident_id
    with recorder.tool("hook", incident_id=incident_id):
        hook.call(payload(), key=key or incident_id)
    return key or incident_id


def send_mail(notice: Notice, connections: Connections) -> str:
    """Mail the brief to the engineers on call. Raises what a Mailer raises."""
    mailer = connections.mail()
    if mailer is None:
        return ""
    brief, message_id = notice.render(), brief_message_id(notice.request.incident_id)
    thread = brief_message_id(notice.thread) if notice.thread else ""
    html, text = (_with_code(body, notice.request) for body in (brief.html, brief.text))
    mail = Mail(connections.on_call(), brief.subject, html, text, message_id, brief.images, thread)
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
    archive = connections.archive()
    if archive is None:
        return ""
    folder, brief = notice.request.incident_id, notice.render()
    path = archive.save(f"{folder}/brief.html", brief.standalone_html.encode())
    archive.save(f"{folder}/brief.txt", brief.text.encode())
    archive.save(f"{folder}/incident.json", notice.request.model_dump_json(indent=2).encode())
    archive.save(f"{folder}/outcome.json", notice.outcome(archived_path=path).model_dump_json(indent=2).encode())
    return path


def call_hook_last(notice: Notice, connections: Connections) -> str:
    """Post the last message. Raises what a Hook raises."""
    hook = connections.hook()
    if hook is None:
        return ""
    hook.call(_last_message(notice).payload(), key=notice.request.incident_id)
    return notice.request.incident_id


def send_mail_last(notice: Notice, connections: Connections) -> str:
    """Mail the last message. Raises what a Mailer raises."""
    mailer = connections.mail()
    return "" if mailer is None else sent(mailer, _last_message(notice).mail(connections.on_call()))


def _last_message(notice: Notice) -> LastMessage:
    alert = notice.request.alert
    since = alert.started_at or alert.received_at
    reason = "; ".join(f"{failure.step}: {failure.message}" for failure in notice.failures[-3:])
    return LastMessage(alert.incident_id, alert.service_name, alert.alert_name, reason, since.isoformat())


LAST_DELIVERIES: dict[str, Delivery] = {"hook": call_hook_last, "mail": send_mail_last}
"""How a channel delivers when the brief cannot be made."""

DELIVERIES: dict[str, Delivery] = {"hook": call_hook, "mail": send_mail, "archive": save}
"""The delivery of each channel of shared/channels.py, by its name."""
