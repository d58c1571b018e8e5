"""Sends the last message of an incident that post_process keeps failing to publish: it is not the only voice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4

from shared import clock, log, outbox
from shared.channels import HOOKS
from shared.containment import contained
from shared.contracts import DeliveryStatus, Failure, Outcome
from shared.errors import IncidentCopilotError, Uncertain
from shared.outbox.last_message import LastMessage
from shared.outbox.port import Hook, Mailer
from shared.step.losses import loss, why
from shared.traces.port import IncidentRecord, TraceStore

SENDING = timedelta(minutes=5)
RECEIPT_TTL = timedelta(days=90)


@dataclass(frozen=True)
class LastChannels:
    """How to open the channels that wake people; opening may raise Misconfigured."""

    mail: Callable[[], Mailer | None]
    hook: Callable[[], Hook | None]
    on_call: Callable[[], tuple[str, ...]]
    hooks: Mapping[str, Callable[[], Hook | None]] = field(default_factory=dict)
    """The hooks with variables of their own, by their channel's name."""
    scheduled: Callable[[], tuple[str, ...]] = tuple
    """Who is on a schedule now; nobody when on_call alone decides. Raises when it cannot be read."""

    def hook_of(self, channel: str) -> Hook | None:
        """Return the hook of a channel, or None when it is off. Raises Misconfigured."""
        return self.hook() if channel == "hook" else self.hooks[channel]() if channel in self.hooks else None


def unpublished_since(store: TraceStore, record: IncidentRecord, end: timedelta) -> datetime:
    """Note that an incident could not be published; return when that was noted first. Raises what the store raises."""
    moment, key = clock.now(), f"unpublished:{record.incident_id}"
    # Held under the incident's id by every sweep, so that the first value stays.
    lease = store.claim(key, record.incident_id, moment + end)
    if since := lease.value.get("since"):
        return datetime.fromisoformat(str(since))
    store.claim(key, record.incident_id, moment + end, {"since": moment.isoformat()})
    return moment


def send(store: TraceStore, record: IncidentRecord, channels: LastChannels, failures: list[Failure]) -> Outcome | None:
    """
    Send the last message by mail and each hook, once; return the outcome, or None when nobody was reached.

    The leases are those of post_process, so that an incident has a brief or a last message by a channel, never both.
    Raises what the store raises.
    """
    alert = record.alert
    reason = " ".join(f"{loss(failure)} Why: {why(failure)}" for failure in failures)
    last = LastMessage(
        record.incident_id,
        record.service_name,
        str(alert.get("alert_name") or ""),
        reason,
        str(alert.get("started_at") or record.created_at.isoformat()),
    )
    failures, receipts = [*failures], dict[str, str]()
    statuses = {
        name: _once(store, name, record.incident_id, partial(_call, name, channels, last), failures, receipts)
        for name in HOOKS
    }
    statuses["mail"] = _once(
        store, "mail", record.incident_id, partial(_mail, channels, last, failures), failures, receipts
    )
    if not {"done", "already"} & {*statuses.values()}:
        return None
    mailed, hooked = statuses["mail"], statuses["hook"]
    return Outcome(
        kind="degraded",
        mail_status={"done": "sent", "already": "already_sent", "failed": "failed", "off": "off"}[mailed],
        hook_status={"done": "called", "already": "already_called", "failed": "failed", "off": "off"}[hooked],
        deliveries=statuses,
        receipts=receipts,
        failures=failures,
    )


def _call(channel: str, channels: LastChannels, last: LastMessage) -> str:
    hook = channels.hook_of(channel)
    if hook is None:
        return ""
    page = outbox.incident_page(last.incident_id)
    return hook.call({**last.payload(), **({"brief_url": page} if page else {})}, last.incident_id) or last.incident_id


def _mail(channels: LastChannels, last: LastMessage, failures: list[Failure]) -> str:
    mailer = channels.mail()
    if mailer is None:
        return ""
    mail = last.mail(_receivers(channels, failures))
    return mailer.send(mail).provider_id or mail.message_id


def _receivers(channels: LastChannels, failures: list[Failure]) -> tuple[str, ...]:
    """Return whoever is on the schedule, else the engineers on call."""
    try:
        if scheduled := channels.scheduled():
            return scheduled
    except IncidentCopilotError as error:
        log.error("sweeper.schedule_unread", error_type=type(error).__name__, error=str(error))
        failures.append(Failure(step="on_call", error_type=type(error).__name__, message=str(error)))
    return channels.on_call()


def _once(
    store: TraceStore,
    channel: str,
    incident_id: str,
    act: Callable[[], str],
    failures: list[Failure],
    receipts: dict[str, str],
) -> DeliveryStatus:
    """Act unless the channel has delivered, or may be delivering; add to `failures` or `receipts` what came of it."""
    key, holder = f"{channel}:{incident_id}", uuid4().hex
    lease = store.claim(key, holder, clock.now() + SENDING)
    if lease.holder != holder:
        receipts |= {channel: str(lease.value["receipt"])} if lease.value.get("receipt") else {}
        return "already" if channel in receipts else "failed"

    def note(error: Exception) -> None:
        log.error("sweeper.last_message_failed", step=channel, error_type=type(error).__name__, error=str(error))
        failures.append(Failure(step=channel, error_type=type(error).__name__, message=str(error)))
        if isinstance(error, IncidentCopilotError) and not isinstance(error, Uncertain):
            store.release(key, holder)

    receipt = contained(act, note)
    if receipt is None:
        return "failed"
    if not receipt:
        store.release(key, holder)
        return "off"
    receipts[channel] = receipt
    store.claim(key, holder, clock.now() + RECEIPT_TTL, {"receipt": receipt})
    return "done"
