"""The life of incidents in any order: alerts, repeats, resolutions, redeliveries, crashes, sweeps and late steps."""

import base64
import contextlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import flask
import pytest
from cloudevents.http.event import CloudEvent
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from functions.incident_sweeper import post_process_client
from functions.incident_sweeper.main import incident_sweeper
from functions.post_process.main import post_process
from functions.workflow_starter.main import workflow_starter
from shared import clock, outbox, traces
from shared.channels import HOOKS
from shared.cloud import pubsub, workflows
from shared.contracts import Alert, Outcome, PullRequest, SignedAlert, StepCall, StepResult
from shared.errors import IncidentCopilotError, Refused, Unavailable, Uncertain
from shared.outbox.port import Mail, MailSent
from shared.pull_request.published import check_unpublished
from shared.step.steps import PR_CREATOR
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import IncidentRecord, Run
from tests.builders import an_alert, an_incident
from tests.step_calls import post

START = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
SERVICES = ("checkout", "billing")
CALLS_UNTIL_DEATH = st.integers(1, 12)
"""Of the store; a step makes about ten."""
Health = Literal["works", "refuses", "loses the reply"]
HEALTH: tuple[Health, ...] = ("works", "refuses", "loses the reply")


class Death(BaseException):
    """The process is killed: nothing of its own code runs after that."""


class MortalStore:
    """The trace store of a process that dies at one of its calls, before or after its effect."""

    def __init__(self, store: EmbeddedTraces) -> None:
        self._store = store
        self._calls_left: int | None = None
        self._is_after = False
        self._is_dead = False

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if self._is_dead:
                raise Death
            if self._calls_left is not None:
                self._calls_left -= 1
                self._is_dead = self._calls_left <= 0
            if self._is_dead and not self._is_after:
                raise Death
            answer = getattr(self._store, name)(*arguments, **named)
            if self._is_dead:
                raise Death
            return answer

        return call

    @contextlib.contextmanager
    def process(self, dies_at: int | None, is_after: bool) -> Iterator[None]:
        """Run the block as one process, which may die at a call of the store."""
        self._calls_left, self._is_after, self._is_dead = dies_at, is_after, False
        try:
            with contextlib.suppress(Death):
                yield
        finally:
            self._calls_left, self._is_dead = None, False


@dataclass
class Channel:
    """Mail and each hook: what people got, under which key; with each uncertain delivery noted."""

    health: Health = "works"
    taken: Counter[str] = field(default_factory=Counter)
    uncertain: Counter[str] = field(default_factory=Counter)
    texts: list[tuple[str, str]] = field(default_factory=list)

    def send(self, mail: Mail) -> MailSent:
        """Take a mail."""
        self._take(mail.message_id.strip("<>").partition(".")[0], mail.text)
        return MailSent(f"m-{mail.message_id}")

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """Take a call."""
        # An update of an incident is a message of its own, under the id of the alert that carries it.
        self._take(str(payload.get("update_id") or payload["incident_id"]), json.dumps(payload))
        return key

    def _take(self, incident_id: str, text: str) -> None:
        if self.health == "refuses":
            raise Unavailable("down")
        self.texts.append((incident_id, text))
        self.taken[incident_id] += 1
        if self.health == "loses the reply":
            self.uncertain[incident_id] += 1
            raise Uncertain("no reply")


class Executions:
    """Cloud Workflows: executions by name, running until they are ended."""

    def __init__(self) -> None:
        self.alerts: dict[str, SignedAlert] = {}
        self.running: list[str] = []
        self.timeout = timedelta(seconds=20)

    def start(self, alert: SignedAlert) -> str:
        """Start one."""
        name = f"executions/{alert.incident_id}-{len(self.alerts)}"
        self.alerts[name] = alert
        self.running.append(name)
        return name

    def find(self, incident_id: str, within: timedelta) -> str | None:
        """Find one."""
        assert within > timedelta(0)
        return next((name for name, alert in self.alerts.items() if alert.incident_id == incident_id), None)

    def ending(self, execution: str) -> str | None:
        """Say how one ended."""
        return None if execution in self.running else "The workflow execution ended FAILED"


class DeadLetters:
    """A topic for messages that cannot be handled: there must be none."""

    def dead_letter(self, *arguments: object) -> str:
        """Take one."""
        raise AssertionError(f"dead-lettered: {arguments}")


class InProcess:
    """Calls post_process as the sweeper does, without HTTP."""

    timeout = timedelta(seconds=140)

    def publish(self, call: StepCall) -> StepResult:
        """Publish an incident."""
        status, body = post(post_process, call.model_dump(mode="json"))
        if status != 200:
            raise Unavailable(f"post_process answered {status}: {body}")
        return StepResult.model_validate(body)


class IncidentLife(RuleBasedStateMachine):
    """Any order of events; at the end everything is up again, and every alert must have reached somebody, once."""

    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self._folder = tempfile.TemporaryDirectory()
        self._opened = EmbeddedTraces(EmbeddedSettings(traces_path=Path(self._folder.name) / "life.sqlite3"))
        self.store = MortalStore(self._opened)
        self.moment = START
        self.mail, self.hook, self.executions = Channel(), Channel(), Executions()
        self.hooks = {name: Channel() for name in HOOKS if name in outbox.HOOKS}
        self.accepted: dict[str, Alert] = {}
        self.unacknowledged: list[Alert] = []
        self.pull_requests: set[str] = set()
        replaced: dict[tuple[Any, str], Callable[[], object]] = {
            (traces, "connect"): lambda: self.store,
            (clock, "now"): lambda: self.moment,
            (workflows, "connect"): lambda: self.executions,
            (pubsub, "connect"): DeadLetters,
            (post_process_client, "connect"): InProcess,
            (outbox, "connect_mail"): lambda: self.mail,
            (outbox, "connect_hook"): lambda: self.hook,
        }
        for (place, name), replacement in replaced.items():
            self._patch.setattr(place, name, replacement)
        for name, channel in self.hooks.items():
            self._patch.setitem(outbox.HOOKS, name, partial(_same, channel))
        self._patch.setenv("ON_CALL_ENGINEERS", "ada@example.com")
        self._dies: tuple[int | None, bool] = (None, False)
        self.deaths = 0
        """How many processes were killed."""

    @contextlib.contextmanager
    def _process(self) -> Iterator[None]:
        dies, self._dies = self._dies, (None, False)
        self.deaths += dies[0] is not None
        with self.store.process(*dies):
            yield

    @initialize()
    def first_alert_fires(self) -> None:
        """Every life begins with an alert whose execution runs."""
        self.alert_fires("checkout")
        self._deliver(self.unacknowledged[0])

    @rule(service=st.sampled_from(SERVICES))
    def alert_fires(self, service: str) -> None:
        """A sender posts a new alert, and the queue has it."""
        self._publish(service, "firing")

    @rule(service=st.sampled_from(SERVICES))
    def alert_resolves(self, service: str) -> None:
        """A sender says that an alert is over."""
        self._publish(service, "resolved")

    def _publish(self, service: str, status: Literal["firing", "resolved"]) -> None:
        incident_id = f"inc-20260504-{len(self.accepted):010d}"
        window = {"start": self.moment - timedelta(minutes=15), "end": self.moment, "received_at": self.moment}
        # A fingerprint for each alert, as senders have one for each set of labels.
        facts = {"incident_id": incident_id, "service_name": service, "status": status, "fingerprint": incident_id}
        alert = an_alert(**facts, **window)
        self.accepted[incident_id] = alert
        self.unacknowledged.append(alert)

    @precondition(lambda self: self.unacknowledged)
    @rule(data=st.data())
    def message_is_delivered(self, data: st.DataObject) -> None:
        """The queue delivers any message that waits."""
        self._deliver(data.draw(st.sampled_from(self.unacknowledged)))

    @rule(data=st.data())
    def message_comes_again(self, data: st.DataObject) -> None:
        """The queue delivers a message once more, or the sender repeats it."""
        self._deliver(data.draw(st.sampled_from(list(self.accepted.values()))))

    def _deliver(self, alert: Alert) -> None:
        data = base64.b64encode(alert.model_dump_json().encode()).decode()
        kind = {"type": "google.cloud.pubsub.topic.v1.messagePublished", "source": "//pubsub"}
        is_acknowledged = False
        with self._process(), contextlib.suppress(IncidentCopilotError):
            workflow_starter(CloudEvent(kind, {"message": {"data": data, "messageId": "1"}}))
            is_acknowledged = True
        if is_acknowledged:
            self.unacknowledged = [each for each in self.unacknowledged if each.incident_id != alert.incident_id]

    @precondition(lambda self: self.executions.running)
    @rule(data=st.data(), writes_code=st.booleans())
    def execution_publishes(self, data: st.DataObject, writes_code: bool) -> None:
        """A workflow comes to its end, with or without a pull request."""
        name = data.draw(st.sampled_from(self.executions.running))
        alert = self.executions.alerts[name]
        self._opened.record_run(alert.incident_id, _run("IncidentDetectionAgent", an_incident()))
        if writes_code:
            self._write_code(alert.incident_id)
        with self._process():
            post(post_process, StepCall(incident=alert).model_dump(mode="json"))
        self.executions.running.remove(name)

    @precondition(lambda self: self.executions.running)
    @rule(data=st.data())
    def execution_dies(self, data: st.DataObject) -> None:
        """A workflow ends without an outcome."""
        self.executions.running.remove(data.draw(st.sampled_from(self.executions.running)))

    @precondition(lambda self: self.executions.alerts)
    @rule(data=st.data())
    def late_step_comes(self, data: st.DataObject) -> None:
        """A step that everybody gave up is about to write its pull request."""
        self._write_code(data.draw(st.sampled_from(list(self.executions.alerts.values()))).incident_id)

    def _write_code(self, incident_id: str) -> None:
        with contextlib.suppress(Refused):
            check_unpublished(self._opened, incident_id, is_approved=False)
            opened = PullRequest(
                status="success", pr_number=7, pr_url=f"https://github.com/acme/shop/pull/{incident_id}"
            )
            self.pull_requests.add(incident_id)
            self._opened.record_run(incident_id, _run(PR_CREATOR.agent, opened))

    @rule(mail=st.sampled_from(HEALTH), hook=st.sampled_from(HEALTH), others=st.lists(st.sampled_from(HEALTH)))
    def channels_change(self, mail: Health, hook: Health, others: list[Health]) -> None:
        """A channel goes down, comes up, or takes what it gets without saying so."""
        self.mail.health, self.hook.health = mail, hook
        for channel, health in zip(self.hooks.values(), others, strict=False):
            channel.health = health

    @rule(calls=CALLS_UNTIL_DEATH, is_after=st.booleans())
    def next_process_will_die(self, calls: int, is_after: bool) -> None:
        """Whatever runs next is killed at a call of the store."""
        self._dies = (calls, is_after)

    @rule(minutes=st.sampled_from([0, 1, 2, 4, 6, 16, 30]))
    def sweep_later(self, minutes: int) -> None:
        """Time passes, and the scheduler calls the sweeper."""
        self.moment += timedelta(minutes=minutes)
        with self._process(), flask.Flask(__name__).test_request_context(json={}, method="POST"):
            assert flask.make_response(incident_sweeper(flask.request)).status_code == 200

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        """Save what may not have arrived, or was sent by a process that died before it could note that."""
        for channel in self._channels.values():
            for incident_id, count in channel.taken.items():
                assert count <= 1 + channel.uncertain[incident_id] + self.deaths, incident_id

    @invariant()
    def nothing_is_closed_that_nobody_has(self) -> None:
        """Only a receipt ends an incident, its own or that of the incident it belongs to."""
        for record in self._opened.incidents(state="closed"):
            outcome = Outcome.model_validate(record.outcome)
            assert outcome.delivered_by or outcome.kind in ("merged", "resolved"), record.incident_id

    def teardown(self) -> None:
        """Everything comes up again; then every alert has its outcome."""
        try:
            self._dies = (None, False)
            for channel in self._channels.values():
                channel.health = "works"
            self._bring_to_an_end()
            self._account()
        finally:
            self._patch.undo()
            self._opened.close()
            self._folder.cleanup()

    @property
    def _channels(self) -> dict[str, Channel]:
        return {"mail": self.mail, "hook": self.hook, **self.hooks}

    def _bring_to_an_end(self) -> None:
        self.executions.running.clear()
        for _ in range(40):
            for alert in list(self.unacknowledged):
                self._deliver(alert)
            self.executions.running.clear()
            self.sweep_later(6)
            if not self.unacknowledged and not self._unfinished():
                return
        raise AssertionError(f"not acknowledged: {self.unacknowledged}, not published: {self._unfinished()}")

    def _unfinished(self) -> list[IncidentRecord]:
        return [*self._opened.incidents(state="open"), *self._opened.incidents(state="undelivered")]

    def _account(self) -> None:
        for incident_id in self.accepted:
            record = self._opened.incident(incident_id)
            assert record is not None, f"{incident_id} belongs to no incident"
            outcome = Outcome.model_validate(record.outcome)
            if outcome.kind == "resolved" and outcome.merged_into is None:
                continue
            assert self._reached_somebody(incident_id), f"{incident_id} ended as {outcome.kind}, and nobody has it"
        for incident_id, text in chain.from_iterable(channel.texts for channel in self._channels.values()):
            if incident_id in self.pull_requests and "could not be sent" not in text:
                assert f"pull/{incident_id}" in text, f"{incident_id} has a pull request that its brief does not name"

    def _reached_somebody(self, incident_id: str) -> bool:
        record = self._opened.incident(incident_id)
        assert record is not None
        outcome = Outcome.model_validate(record.outcome)
        if outcome.merged_into is not None:
            return self._reached_somebody(outcome.merged_into)
        taken = {name for name, channel in self._channels.items() if channel.taken[incident_id]}
        return bool(outcome.delivered_by) and outcome.delivered_by <= taken


def _same(channel: Channel) -> Channel:
    return channel


def _run(agent: str, answer: Any) -> Run:
    return Run(agent, START, START, {}, answer.model_dump(mode="json"))


IncidentLife.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class TestIncidentLife(IncidentLife.TestCase):  # type: ignore[misc,valid-type]  # hypothesis makes the class
    """Whatever the order, every alert ends in one outcome that reached somebody."""
