"""Finds incidents that would never be published and has them published, once each, with what there is."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Protocol, TypeVar
from uuid import uuid4

from pydantic import BaseModel, Field, ValidationError

from shared import clock, log
from shared.admission.service_window import note_published, service_key
from shared.channels import CHANNELS
from shared.containment import contained
from shared.contracts import Failure, Outcome, StepCall, StepResult
from shared.errors import BadAnswer, IncidentCopilotError, Unavailable, Uncertain
from shared.settings import Settings
from shared.step import steps
from shared.traces.port import IncidentRecord, TraceStore

from . import last_message
from .delivery_retry import LateDelivery, RetryPlan, late_deliveries, late_outcome, next_attempt, note_attempt
from .last_message import LastChannels, unpublished_since
from .step_calls import call_of, late_delivery_of, update_of

MAX_OPEN_INCIDENTS = 200
"""How many open incidents one sweep checks, oldest first."""

_LEASE_MARGIN = timedelta(seconds=30)
_DELIVERY = {"delivery", *(channel.name for channel in CHANNELS if channel.reaches_people)}
"""Steps whose failures say why nobody has a brief."""

Result = TypeVar("Result")


class SweepSettings(Settings):
    """When an incident is swept, and how much one sweep does."""

    incident_start_seconds: int = Field(
        300,
        ge=1,
        le=86_400,
        description="An incident not started within this time is published; keep over START_LEASE_SECONDS.",
    )
    incident_give_up_seconds: int = Field(
        86_400,
        ge=60,
        le=2_592_000,
        description="An incident that could not be published or delivered within this time is closed as undelivered.",
    )
    last_message_seconds: int = Field(
        300,
        ge=60,
        le=86_400,
        description="An incident that post_process fails to publish for so long gets a last message from the sweeper.",
    )
    delivery_retry_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="Pause before a brief that a channel did not deliver is sent again; doubles each time, to an hour.",
    )
    sweep_incidents: int = Field(20, ge=1, le=200, description="Maximum incidents one sweep publishes.")
    sweep_budget_s: float = Field(
        180, gt=0, le=1500, description="Seconds after which a sweep starts no further incident."
    )


class Executions(Protocol):
    """Reads how executions of the workflow ended."""

    def ending(self, execution: str) -> str | None:
        """Return how it ended, or None while it runs."""
        ...


class OutcomePublisher(Protocol):
    """Publishes an incident once."""

    @property
    def timeout(self) -> timedelta:
        """How long one call may take."""
        ...

    def publish(self, call: StepCall) -> StepResult:
        """Publish it; its outcome is in the trace then, or in the digest of the result."""
        ...


class Swept(BaseModel):
    """What one sweep did: ids of incidents published and not published, and how many of the others are open."""

    published: list[str] = Field(default_factory=list)
    failed: list[str] = Field(default_factory=list)
    settled: list[str] = Field(default_factory=list)
    waiting: int = 0


@dataclass(frozen=True)
class Overdue:
    """An incident that its workflow will not publish any more, and why."""

    record: IncidentRecord
    failure: Failure


@dataclass
class Sweep:
    """One sweep; `deadline` is how long an incident may stay without an outcome."""

    store: TraceStore
    executions: Executions
    publisher: OutcomePublisher
    settings: SweepSettings
    deadline: timedelta
    last_channels: LastChannels
    _holder: str = field(default_factory=lambda: uuid4().hex)
    _has_executions: bool = True

    def run(self, stopwatch: Callable[[], float]) -> Swept:
        """Publish what is overdue, within the budget by `stopwatch`. Raises what the store raises on the first read."""
        end = stopwatch() + self.settings.sweep_budget_s
        records = self.store.incidents(state="open", limit=MAX_OPEN_INCIDENTS, is_oldest_first=True)
        swept = Swept(waiting=len(records))
        overdues = [entry for record in records if (entry := _isolated(record, partial(self._overdue, record)))]
        for overdue in self._in_turn(overdues):
            if stopwatch() >= end:
                break
            _isolated(overdue.record, partial(self._sweep, overdue, swept))
        for late in late_deliveries(self.store, self._plan, clock.now()):
            if stopwatch() >= end:
                break
            _isolated(late.record, partial(self._deliver_late, late, swept))
        return swept

    @property
    def _plan(self) -> RetryPlan:
        pause, give_up = self.settings.delivery_retry_seconds, self.settings.incident_give_up_seconds
        return RetryPlan(timedelta(seconds=pause), timedelta(seconds=give_up))

    def _overdue(self, record: IncidentRecord) -> Overdue | None:
        age = clock.now() - record.created_at
        if record.execution is None and age >= timedelta(seconds=self.settings.incident_start_seconds):
            return _overdue(record, "NotStarted", f"No workflow execution was started in {_seconds(age)} s")
        if record.execution and (ending := self._ending(record.execution)):
            return _overdue(record, "ExecutionEnded", f"{ending}; it left no outcome")
        if age >= self.deadline:
            return _overdue(record, "DeadlineExceeded", f"The workflow did not end in {_seconds(self.deadline)} s")
        return None

    def _ending(self, execution: str) -> str | None:
        """Return how it ended, or None; also None when Workflows does not answer, as then the deadline decides."""
        if not self._has_executions:
            return None
        try:
            return self.executions.ending(execution)
        except IncidentCopilotError as error:
            # Not called again in this sweep: each failing call could cost a whole timeout.
            self._has_executions = False
            log.warning("sweeper.executions_unknown", error_type=type(error).__name__, error=str(error))
            return None

    def _in_turn(self, overdue: list[Overdue]) -> list[Overdue]:
        """Return as many as one sweep may publish, oldest first; when there are more, different ones each minute."""
        limit = self.settings.sweep_incidents
        if len(overdue) <= limit:
            return overdue
        first = int(clock.now().timestamp() // 60) * limit % len(overdue)
        return [*overdue[first:], *overdue[:first]][:limit]

    def _sweep(self, overdue: Overdue, swept: Swept) -> None:
        incident_id = overdue.record.incident_id

        def publish() -> None:
            if self._with_lease(overdue.record, lambda: self._publish(overdue)):
                swept.published.append(incident_id)
                swept.waiting -= 1

        def speak_or_give_up(error: Exception) -> None:
            log.error("sweeper.unpublished", error_type=type(error).__name__, error=str(error))
            swept.failed.append(incident_id)
            self._speak_or_give_up(overdue, error)
            swept.waiting -= 1

        with log.bound(incident_id=incident_id, service_name=overdue.record.service_name):
            contained(publish, speak_or_give_up)

    def _deliver_late(self, late: LateDelivery, swept: Swept) -> None:
        incident_id = late.record.incident_id

        def deliver() -> None:
            if self._with_lease(late.record, lambda: self._deliver(late)):
                swept.published.append(incident_id)

        def speak_or_give_up(error: Exception) -> None:
            log.error("sweeper.undelivered", error_type=type(error).__name__, error=str(error))
            if late.record.state == "undelivered":
                swept.failed.append(incident_id)
                self._speak_or_give_up(Overdue(late.record, _nobody_has_it(late.outcome)), error)

        with log.bound(incident_id=incident_id, service_name=late.record.service_name):
            contained(deliver, speak_or_give_up)

    def _deliver(self, late: LateDelivery) -> bool:
        """Return whether one more channel has the brief or its update. Raises Unavailable while nobody has it."""
        record, moment = self.store.incident(late.record.incident_id), clock.now()
        if record is None or (before := late_outcome(record)) is None:
            return False
        if (attempt := next_attempt(self.store, record, self._plan, moment)) is None:
            # Another sweep made it.
            return False
        note_attempt(self.store, record, attempt, moment)
        if LateDelivery(record, before).is_update:
            return bool(self._published(update_of(record, attempt)).delivered_by)
        after = self._published(late_delivery_of(record, before, attempt))
        if after.kind == "undelivered" and record.state == "undelivered":
            raise Unavailable(f"No channel took the brief at attempt {attempt}")
        if not after.delivered_by:
            log.critical("sweeper.undelivered", deliveries=after.channel_statuses)
        elif record.state == "undelivered":
            # post_process has closed it already, unless the store failed then.
            self._close(record, after)
        return after.delivered_by > before.delivered_by

    def _with_lease(self, record: IncidentRecord, work: Callable[[], bool]) -> bool:
        """Return the result of `work`; False when another sweep holds the incident."""
        key = f"sweep:{record.incident_id}"
        lease = self.store.claim(key, self._holder, clock.now() + self.publisher.timeout + _LEASE_MARGIN)
        if lease.holder != self._holder:
            return False
        is_uncertain = False
        try:
            return work()
        except Uncertain:
            # Without a reply it may still be publishing: no second call until the lease has expired.
            is_uncertain = True
            raise
        finally:
            if not is_uncertain:
                self.store.release(key, self._holder)

    def _publish(self, overdue: Overdue) -> bool:
        trace = self.store.document(overdue.record.incident_id)
        if trace is None or trace["state"] != "open":
            # Published since the sweep started, or tried by all channels.
            return False
        outcome = self._published(call_of(overdue.record, trace, overdue.failure))
        # post_process has done so already, unless the store failed then or this is the stored answer of such a run.
        if outcome.kind == "undelivered":
            self.store.leave_undelivered(overdue.record.incident_id, outcome.model_dump(mode="json"))
            raise Unavailable(f"No channel took the brief of an incident that was late: {overdue.failure.message}")
        self._close(overdue.record, outcome)
        note_published(self.store, overdue.record.service_name, overdue.record.incident_id, outcome)
        log.info("sweeper.published", kind=outcome.kind, mail_status=outcome.mail_status, why=overdue.failure.message)
        return True

    def _published(self, call: StepCall) -> Outcome:
        """Return the outcome. Raises what the publisher raises, and BadAnswer when post_process left no outcome."""
        result, run = self.publisher.publish(call), steps.POST_PROCESS.run_name(call.stage)
        stored = None if result.digest else self.store.answers(call.incident.incident_id).get(run)
        body = result.digest or (stored.body if stored else None)
        try:
            return Outcome.model_validate(body)
        except ValidationError as error:
            raise BadAnswer(f"post_process left no outcome of {call.incident.incident_id!r} in the trace") from error

    def _speak_or_give_up(self, overdue: Overdue, error: Exception) -> None:
        if not self._speak(overdue, error):
            self._give_up(overdue, error)

    def _speak(self, overdue: Overdue, error: Exception) -> bool:
        """
        Send the last message once post_process has failed for long; return whether that closed the incident.

        It is short and plain, so that it passes where a channel refuses the brief for what it holds.
        """
        record, end = overdue.record, timedelta(seconds=self.settings.incident_give_up_seconds)
        since = unpublished_since(self.store, record, end)
        if clock.now() - since < timedelta(seconds=self.settings.last_message_seconds):
            return False
        failed = Failure(step="post_process", error_type=type(error).__name__, message=str(error))
        outcome = last_message.send(self.store, record, self.last_channels, [overdue.failure, failed])
        if outcome is None:
            return False
        self._close(record, outcome)
        # Nothing was read, so the next alert of the service is investigated.
        self.store.release(service_key(record.service_name), record.incident_id)
        log.critical("sweeper.last_message_sent", deliveries=outcome.channel_statuses)
        return True

    def _give_up(self, overdue: Overdue, error: Exception) -> None:
        """Close an incident that is too old to be published."""
        if clock.now() - overdue.record.created_at < timedelta(seconds=self.settings.incident_give_up_seconds):
            return
        failure = Failure(step="incident_sweeper", error_type=type(error).__name__, message=str(error))
        failures = [overdue.failure, failure]
        self._close(overdue.record, Outcome(kind="undelivered", mail_status="failed", failures=failures))
        self.store.release(service_key(overdue.record.service_name), overdue.record.incident_id)
        log.critical("sweeper.gave_up", error_type=type(error).__name__, error=str(error))

    def _close(self, record: IncidentRecord, outcome: Outcome) -> None:
        self.store.close_incident(record.incident_id, outcome.model_dump(mode="json"))


def _isolated(record: IncidentRecord, work: Callable[[], Result]) -> Result | None:
    """Return the result of `work`; what one incident's trace holds must not stop the sweep of the others."""

    def note(error: Exception) -> None:
        log.critical(
            "sweeper.incident_failed",
            incident_id=record.incident_id,
            error_type=type(error).__name__,
            error=str(error),
        )

    return contained(work, note)


def _nobody_has_it(outcome: Outcome) -> Failure:
    channels = [f"{each.step}: {each.message}" for each in outcome.failures if each.step in _DELIVERY]
    return Failure(step="delivery", error_type="Undelivered", message="; ".join(channels) or "No channel took it")


def _overdue(record: IncidentRecord, error_type: str, message: str) -> Overdue:
    return Overdue(record, Failure(step="workflow", error_type=error_type, message=message))


def _seconds(span: timedelta) -> int:
    return round(span.total_seconds())
