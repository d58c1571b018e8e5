"""One attempt to publish: by every channel once, under leases, with every failure and receipt noted."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TypeVar
from uuid import uuid4

from shared import clock, log
from shared.admission.brakes import give_back_mail
from shared.admission.causes import SameCause
from shared.admission.service_window import note_published
from shared.admission.settings import BrakeSettings
from shared.channels import CHANNELS, THREADED, Channel
from shared.containment import contained
from shared.contracts import DeliveryStatus, Failure, Outcome, OutcomeKind, PostProcessRequest
from shared.errors import IncidentCopilotError, Unavailable, Uncertain
from shared.outbox.last_message import brief_message_id, early_message_id
from shared.step import recorder, steps
from shared.traces.port import Lease, TraceStore

from .brief.early import early_subject
from .brief.opinion import BriefWords
from .brief.render import Brief, render
from .brief.view import Usage, kind_of
from .deliveries import DELIVERIES, LAST_DELIVERIES, Connections, Delivery

# Longer than the function may run, so that a second attempt never overtakes a first that is still sending.
SENDING = timedelta(seconds=steps.POST_PROCESS.budget_s + 60)
NO_CHANNEL = Failure(
    step="delivery",
    error_type="Misconfigured",
    message="No channel to people is set up: set POST_PROCESS_URL, the variables of Slack, PagerDuty or "
    "Teams, or those of a mail account and ON_CALL_ENGINEERS",
)
RECEIPT_TTL = timedelta(days=90)

Result = TypeVar("Result")


def early_lease(channel: str) -> str:
    """Return the name of the lease under which a channel delivers the early brief."""
    return f"early_{channel}"


def deliver_all(
    publisher: "OutcomePublisher", connections: Connections, deliveries: Mapping[str, Delivery] = DELIVERIES
) -> None:
    """Deliver by every channel; one that another attempt holds is reported only after the others."""
    held: list[Unavailable] = []
    for channel in (channel for channel in CHANNELS if channel.name in deliveries):
        if not channel.reaches_people:
            publisher.note_missing_channel()
        # The last message depends on as little as can be.
        if deliveries is not LAST_DELIVERIES and connections.is_off(channel.name):
            publisher.statuses[channel.name] = "off"
            continue
        try:
            publisher.deliver(channel, partial(_deliver, publisher, connections, deliveries, channel.name))
        except Unavailable as error:
            held.append(error)
    if held:
        raise held[0]
    publisher.note_missing_channel()


def deliver_further(
    publisher: "OutcomePublisher",
    connections: Connections,
    deliveries: Mapping[str, Callable[[], str]],
    lease_of: Callable[[str], str],
) -> None:
    """
    Deliver a message that follows the brief, by each channel once under a lease of its own.

    Raises Unavailable, after the others were tried, while another attempt holds one.
    """
    held: list[Unavailable] = []
    for name, act in deliveries.items():
        if connections.is_off(name):
            publisher.statuses[name] = "off"
            continue
        try:
            publisher.statuses[name] = publisher.once(lease_of(name), act)
        except Unavailable as error:
            held.append(error)
    if held:
        raise held[0]


def _deliver(
    publisher: "OutcomePublisher", connections: Connections, deliveries: Mapping[str, Delivery], name: str
) -> str:
    """Deliver by a channel; what is raised unforeseen while a brief is made ends in the last message."""

    def deliver_last(error: Exception) -> str:
        is_foreseen = isinstance(error, IncidentCopilotError)
        if is_foreseen or name not in LAST_DELIVERIES or deliveries is LAST_DELIVERIES:
            raise error
        log.critical("outbox.bug", step=name, error_type=type(error).__name__, error=str(error))
        publisher.failures.append(failure_of(name, error))
        return LAST_DELIVERIES[name](publisher, connections)

    return contained(lambda: deliveries[name](publisher, connections), deliver_last)


class OutcomePublisher:
    """One attempt to publish, as deliveries see it; `failures` and `statuses` grow while it runs."""

    def __init__(self, request: PostProcessRequest, store: TraceStore, words: BriefWords) -> None:
        self.failures = list(request.failures)
        self.statuses: dict[str, DeliveryStatus] = {}
        self.receipts: dict[str, str] = {}
        self.request = request
        self._archived_path: str | None = None
        self._subject = ""
        self.link: SameCause | None = None
        """The incident of another service with the same cause, whose mail thread the brief joins."""
        self._store = store
        self._words = words
        self._holder = uuid4().hex
        self._named: set[str] = set()
        self.usage = self._measure()

    @property
    def thread(self) -> str:
        """The incident whose thread the brief joins where hooks have threads; empty when it begins its own."""
        return self.request.incident_id if self._began_early else self.link.leader if self.link else ""

    @property
    def answered(self) -> tuple[str, ...]:
        """The Message-IDs of the mails that the brief continues, the first of the thread leading."""
        early = (early_message_id(self.request.incident_id),) if self._early_subject else ()
        return ((brief_message_id(self.link.leader),) if self.link else ()) + early

    def first_receipt(self, channel: str, incident_id: str) -> str:
        """Return the receipt of an incident's first message in a channel that has threads; else an empty text."""
        if channel not in THREADED:
            return ""
        is_early = incident_id == self.request.incident_id and self._began_early
        return (self._receipt(early_lease(channel), incident_id) if is_early else "") or self._receipt(
            channel, incident_id
        )

    @property
    def is_awaited(self) -> bool:
        """Whether an early brief reached somebody, who was promised the rest in its thread."""
        leases = [early_lease(channel.name) for channel in CHANNELS if channel.reaches_people]
        return self._began_early and any(self._receipt(name, self.request.incident_id) for name in leases)

    @property
    def _began_early(self) -> bool:
        """Whether an early brief was to go out."""
        return self.request.facts is not None and self.request.facts.sends_early

    @cached_property
    def _early_subject(self) -> str:
        """The subject of the early brief, when its mail went out; else an empty text."""
        if not self._began_early or not self._receipt(early_lease("mail"), self.request.incident_id):
            return ""
        return early_subject(self.request)

    def _receipt(self, lease_name: str, incident_id: str) -> str:
        lease = self.attempt("traces", lambda: self._store.lease(f"{lease_name}:{incident_id}"))
        return str(lease.value.get("receipt") or "") if lease else ""

    def attempt(self, step: str, work: Callable[[], Result]) -> Result | None:
        """Return what `work` returns, or None and one more failure; each step is named once."""

        def note(error: Exception) -> None:
            log.error("outbox.failed", step=step, error_type=type(error).__name__, error=str(error))
            if step not in self._named:
                self.failures.append(failure_of(step, error))
            self._named.add(step)

        return contained(work, note)

    def deliver(self, channel: Channel, act: Callable[[], str]) -> None:
        """Deliver by one channel and note how that went; `act` is as in `once`."""
        if not channel.is_repeatable:
            self._end_early(channel)
            self.statuses[channel.name] = self.once(channel.name, act)
            return
        receipt = self.attempt(channel.name, act)
        self.statuses[channel.name] = self._status(channel.name, receipt)
        if channel.name == "archive" and receipt:
            self._archived_path = receipt

    def _end_early(self, channel: Channel) -> None:
        """Let no early brief come by a channel any more, where one may still be on its way to it."""
        if self._began_early and channel.reaches_people:
            key = f"{early_lease(channel.name)}:{self.request.incident_id}"
            self.attempt("traces", lambda: self._claim(key, RECEIPT_TTL))

    def once(self, name: str, act: Callable[[], str]) -> DeliveryStatus:
        """
        Send at most once per incident, guarded by a lease; `act` returns its receipt, empty when the channel is off.

        A failing store does not prevent sending. An uncertain send keeps its lease, so that it is not repeated before
        SENDING has passed. Raises Unavailable while another attempt holds the lease: its result is not known, and
        closing the incident without it could mean that the engineers are never notified.
        """
        key = f"{name}:{self.request.incident_id}"
        lease = self.attempt("traces", lambda: self._claim(key, SENDING))
        if lease and lease.holder != self._holder:
            return self._already_done(name, lease)
        receipt = self.attempt(name, lambda: self._act(key, act))
        if receipt:
            until = clock.now() + RECEIPT_TTL
            self.attempt("traces", lambda: self._store.claim(key, self._holder, until, {"receipt": receipt}))
        return self._status(name, receipt)

    def render(self) -> Brief:
        """Return the brief with every failure known so far."""
        link = f"{self.link.service_name}, incident {self.link.leader}: {self.link.cause.words}" if self.link else ""
        brief = render(self.request, self.failures, self.usage, self._words, link)
        self._subject = self._early_subject or self._subject or brief.subject
        # Mail programs make one thread of what has one subject.
        return replace(brief, subject=f"Re: {self._early_subject}") if self._early_subject else brief

    def outcome(self, kind: OutcomeKind | None = None, archived_path: str | None = None) -> Outcome:
        """
        Return how the incident ended, with every failure and delivery so far; `kind` is computed by default.

        Whatever the kind would be, it is undelivered without a receipt of a channel to people.
        """
        taken = {name for name, status in self.statuses.items() if status in ("done", "already")}
        is_delivered = any(channel.name in taken for channel in CHANNELS if channel.reaches_people)
        mailed, hooked = self.statuses.get("mail", "off"), self.statuses.get("hook", "off")
        return Outcome(
            kind=(kind or kind_of(self.request, self.failures)) if is_delivered else "undelivered",
            mail_status={"done": "sent", "already": "already_sent", "failed": "failed", "off": "off"}[mailed],
            hook_status={"done": "called", "already": "already_called", "failed": "failed", "off": "off"}[hooked],
            archived_path=archived_path or self._archived_path,
            pr_url=self.request.pull_request.pr_url if self.request.pull_request else None,
            # The archived outcome is written while its own delivery is under way.
            deliveries={**self.statuses, **({"archive": "done"} if archived_path else {})},
            receipts={**self.receipts, **({"archive": archived_path} if archived_path else {})},
            failures=self.failures,
            subject=self._subject,
            severity=self.request.incident.severity if self.request.incident else None,
            cause=self.request.root_causes.most_likely if self.request.root_causes else "",
            tokens=self.usage.tokens,
            cost_usd=self.usage.cost_usd,
            duration_ms=self.usage.duration_ms,
        )

    def close(self, outcome: Outcome) -> None:
        """
        Write the terminal outcome, after which it takes further alerts; a retry that delivers amends it.

        One that reached nobody does not end the incident.
        """
        incident_id, body = self.request.incident_id, outcome.model_dump(mode="json")
        if outcome.kind == "undelivered":
            reasons = "; ".join(f"{failure.step}: {failure.message}" for failure in self.failures[-3:])
            log.critical("outcome.undelivered", deliveries=outcome.deliveries, error=reasons)
            self.attempt("traces", lambda: self._store.leave_undelivered(incident_id, body))
            return
        log.info("outcome.published", kind=outcome.kind, deliveries=outcome.deliveries)
        is_first = self.attempt("traces", lambda: self._store.close_incident(incident_id, body))
        if self.request.mail_attempt and not is_first:
            self.attempt("traces", lambda: self._amend(incident_id, outcome))
            return
        service = self.request.alert.service_name
        self.attempt("traces", lambda: note_published(self._store, service, incident_id, outcome))

    def note_missing_channel(self) -> None:
        """Note a failure when no channel to people is set up; once their deliveries were tried."""
        statuses = {self.statuses.get(channel.name) for channel in CHANNELS if channel.reaches_people}
        if statuses == {"off"} and NO_CHANNEL not in self.failures:
            self.failures.append(NO_CHANNEL)

    def give_back_mail(self) -> None:
        """Let another message have the slot of the mail that this incident does not send."""
        incident_id = self.request.incident_id
        self.attempt("traces", lambda: give_back_mail(self._store, incident_id, BrakeSettings.from_env()))

    def _amend(self, incident_id: str, outcome: Outcome) -> None:
        record = self._store.incident(incident_id)
        before = Outcome.model_validate(record.outcome) if record and record.outcome else None
        if before is None or outcome.delivered_by > before.delivered_by:
            self._store.amend_outcome(incident_id, outcome.model_dump(mode="json"))

    def _status(self, name: str, receipt: str | None) -> DeliveryStatus:
        if receipt:
            self.receipts[name] = receipt
        return "failed" if receipt is None else "done" if receipt else "off"

    def _claim(self, key: str, duration: timedelta) -> Lease:
        return self._store.claim(key, self._holder, clock.now() + duration)

    def _act(self, key: str, act: Callable[[], str]) -> str:
        """Act; release the lease only when certainly nothing was sent."""
        try:
            receipt = act()
        except Uncertain:
            raise
        except IncidentCopilotError:
            self._release(key)
            raise
        if not receipt:
            self._release(key)
        return receipt

    def _release(self, key: str) -> None:
        self.attempt("traces", lambda: self._store.release(key, self._holder))

    def _already_done(self, name: str, lease: Lease) -> DeliveryStatus:
        if receipt := lease.value.get("receipt"):
            self.receipts[name] = str(receipt)
            return "already"
        raise Unavailable(f"Another attempt holds the {name} lease until {lease.until:%H:%M:%S} UTC and has not ended")

    def _measure(self) -> Usage:
        """Sum tokens and cost over every run so far; the time is how long the reader waited."""
        trace = self.attempt("traces", lambda: self._store.document(self.request.incident_id))
        runs = [run for agent_runs in trace["traces"].values() for run in agent_runs] if trace else []
        waited = clock.now() - self.request.alert.received_at
        # This step's own run is not stored yet.
        tokens, cost_usd = recorder.model_usage()
        return Usage(
            tokens=tokens + sum(run["tokens_in"] + run["tokens_out"] for run in runs),
            cost_usd=cost_usd + sum(run["cost_usd"] for run in runs),
            duration_ms=max(0, round(waited.total_seconds() * 1000)),
        )


def failure_of(step: str, error: Exception) -> Failure:
    is_foreseen = isinstance(error, IncidentCopilotError)
    message = str(error) if is_foreseen else f"A bug of Incident CoPilot; the log of the function has it: {error}"
    return Failure(step=step, error_type=type(error).__name__, message=message)
