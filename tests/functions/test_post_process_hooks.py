"""Slack, PagerDuty, Teams and the JSON hook together: each once, whatever fails and whenever the process dies."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from functions.post_process import main
from functions.post_process.brief.opinion import BriefWords
from functions.post_process.deliveries import Connections
from functions.post_process.messages.held_message import HeldMessage
from functions.post_process.messages.publish_held import _deliveries
from functions.post_process.publisher import SENDING, OutcomePublisher, deliver_all
from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.pagerduty.server import ROUTING_KEY, PagerDutySandbox
from infra.local.sandboxes.pagerduty.server import TOKEN as REST_TOKEN
from infra.local.sandboxes.slack.server import CHANNEL, SlackSandbox
from infra.local.sandboxes.slack.server import TOKEN as SLACK_TOKEN
from infra.local.sandboxes.teams.server import TeamsSandbox
from shared import clock, outbox, traces
from shared.channels import CHANNELS
from shared.contracts import Change, Outcome, OutcomeKind, PostProcessRequest, PullRequest
from shared.errors import Unavailable
from shared.outbox import slack
from shared.outbox.mail.gmail import GmailSettings
from shared.outbox.port import Mail, MailSent
from shared.outbox.schedule import ScheduleSettings
from shared.outbox.webhook import WebhookSettings
from shared.step.steps import POST_PROCESS
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import a_record
from tests.functions import post_process_requests as requests

ID, CARRIER = requests.INCIDENT_ID, "inc-000000000002"
URL = "https://github.com/example/billing/pull/412"
PAGE = f"https://console.example.com/incidents/{ID}"
HOOKS = {"hook", "slack", "pagerduty", "teams"}
work: Callable[[PostProcessRequest], Outcome] = inspect.unwrap(main.post_process)


@dataclass
class Receivers:
    """What each system got."""

    hook: HookSandbox
    slack: SlackSandbox
    pagerduty: PagerDutySandbox
    teams: TeamsSandbox
    mails: list[Mail]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many messages stand in the JSON hook, Slack, PagerDuty and Teams."""
        return len(self.hook.calls), len(self.slack.messages), len(self.pagerduty.events), len(self.teams.cards)

    def send(self, mail: Mail) -> MailSent:
        """Be the mailer."""
        self.mails.append(mail)
        return MailSent(f"m{len(self.mails)}")


@pytest.fixture
def receivers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Receivers]:
    """Every system on loopback, set up at the same time, and an open incident."""
    with (
        HookSandbox(tmp_path / "calls") as hook,
        SlackSandbox() as slack,
        PagerDutySandbox() as pagerduty,
        TeamsSandbox() as teams,
    ):
        reached = Receivers(hook, slack, pagerduty, teams, [])
        settings = {
            "POST_PROCESS_URL": hook.url,
            "SLACK_BOT_TOKEN": SLACK_TOKEN,
            "SLACK_CHANNEL": CHANNEL,
            "SLACK_API_URL": f"{slack.url}/api",
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": pagerduty.url,
            "TEAMS_WEBHOOK_URL": teams.webhook,
            "INCIDENT_PAGE_URL": "https://console.example.com/incidents/{incident_id}",
            "ON_CALL_ENGINEERS": "ada@example.com",
            "LINK_HOSTS": '["git.example.com", "grafana.example.com", "approve.example.com"]',
        }
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(outbox, "connect_mail", lambda: reached)
        traces.connect().open_incident(a_record(requests.alert()))
        yield reached


def held_message(kind: OutcomeKind, carrier: str = CARRIER) -> HeldMessage:
    """Return an update of the incident, or its end."""
    return HeldMessage(kind, carrier, "billing-worker", "more of the same", ("A line.",), ID, ID)


def publish_held_message(message: HeldMessage) -> Outcome:
    """Publish a message that another incident carries."""
    request = PostProcessRequest(alert=requests.alert(incident_id=message.incident_id))
    publisher = OutcomePublisher(request, traces.connect(), BriefWords())
    deliver_all(publisher, main_connections(), _deliveries(message))
    return publisher.outcome(message.kind)


def main_connections() -> Connections:
    """Return the connections that the function makes."""
    return Connections(
        outbox.connect_mail, outbox.connect_hook, outbox.connect_archive, outbox.on_call, outbox.HOOKS, outbox.scheduled
    )


def test_all_hooks_at_once_get_the_brief_once_each(receivers: Receivers) -> None:
    """Each with a receipt of its own; what runs twice sends nothing more."""
    first, again = work(requests.full()), work(requests.full())

    assert receivers.counts == (1, 1, 1, 1)
    assert first.delivered_by == {*HOOKS, "mail"}
    assert {name: first.deliveries[name] for name in HOOKS} == dict.fromkeys(HOOKS, "done")
    assert {name: again.deliveries[name] for name in HOOKS} == dict.fromkeys(HOOKS, "already")
    assert first.receipts["slack"] == f"{CHANNEL}:{receivers.slack.messages[0]['ts']}"
    assert again.receipts["slack"] == first.receipts["slack"]


def test_each_hook_links_the_page_of_the_incident(receivers: Receivers) -> None:
    """The brief is one click away, wherever it is read."""
    work(requests.full())

    assert receivers.hook.calls[0]["body"]["brief_url"] == PAGE
    assert PAGE in [link["href"] for link in receivers.pagerduty.events[0]["links"]]
    assert PAGE in [action["url"] for action in receivers.teams.cards[0]["actions"]]
    assert PAGE in str(receivers.slack.messages[0]["blocks"])


def test_approval_is_one_click_away_and_its_code_stands_in_no_hook(receivers: Receivers) -> None:
    """Whoever reads a channel cannot approve by it."""
    waiting = PullRequest(
        status="awaiting_approval",
        approval_url=f"https://approve.example.com/?incident={ID}",
        approve_until=clock.now() + timedelta(hours=1),
    )

    work(requests.full(pull_request=waiting))

    buttons = [block["elements"] for block in receivers.slack.messages[0]["blocks"] if block["type"] == "actions"]
    assert buttons[0][0]["url"] == waiting.approval_url
    assert receivers.teams.cards[0]["actions"][0]["url"] == waiting.approval_url
    assert receivers.hook.calls[0]["body"]["approval_url"] == waiting.approval_url


@pytest.mark.parametrize("broken", sorted(HOOKS))
def test_hook_that_fails_is_named_to_the_others_and_stops_none(receivers: Receivers, broken: str) -> None:
    """The mail says which channel did not get it, and the outcome too; the next attempt reaches it."""
    sandbox = getattr(receivers, broken)
    sandbox.fail_next(*[Reply(404)] * (2 if broken == "slack" else 1))

    outcome = work(requests.full())

    assert outcome.deliveries[broken] == "failed"
    assert outcome.delivered_by == {*HOOKS, "mail"} - {broken}
    assert broken in [failure.step for failure in outcome.failures]
    assert next(one.failure_means for one in CHANNELS if one.name == broken) in receivers.mails[0].text
    assert work(requests.full(mail_attempt=1)).delivered_by == {*HOOKS, "mail"}
    assert receivers.counts == (1, 1, 1, 1)


def die_before_the_receipt(store: Any, channel: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kill the process when it notes the receipt of a channel: the message is out, and nobody knows."""
    claim = store.claim

    def dies(key: str, *rest: Any) -> Any:
        if key == f"{channel}:{ID}" and len(rest) > 2:
            raise KeyboardInterrupt
        return claim(key, *rest)

    monkeypatch.setattr(store, "claim", dies)
    monkeypatch.setattr(traces, "connect", lambda: store)


@pytest.mark.parametrize("channel", ["slack", "pagerduty"])
def test_kill_between_post_and_receipt_makes_no_second_message(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    """Slack is searched for the message, PagerDuty knows its key; both give the same receipt as before."""
    store = traces.connect()
    with monkeypatch.context() as patch:
        die_before_the_receipt(store, channel, patch)
        with pytest.raises(KeyboardInterrupt):
            work(requests.full())

    later = clock.now() + SENDING + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    outcome = work(requests.full())

    assert outcome.deliveries[channel] == "done"
    assert len(receivers.slack.messages) == 1
    assert receivers.pagerduty.alerts == {ID: "triggered"}
    assert receivers.counts[0] == 1


@pytest.mark.parametrize("channel", ["hook", "teams"])
def test_kill_between_post_and_receipt_is_not_repeated_at_once(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch, channel: str
) -> None:
    """These systems cannot be asked: the lease holds the second attempt back, and the JSON hook knows the key."""
    store = traces.connect()
    with monkeypatch.context() as patch:
        die_before_the_receipt(store, channel, patch)
        with pytest.raises(KeyboardInterrupt):
            work(requests.full())

    with pytest.raises(Unavailable, match=f"holds the {channel} lease"):
        work(requests.full())

    assert receivers.counts == (1, 1, 1, 1), "the other channels have it all the same"


def test_update_and_end_stand_in_slacks_thread_and_only_the_end_resolves(receivers: Receivers) -> None:
    """One thread and one alert per incident."""
    work(requests.full())

    publish_held_message(held_message("update"))
    assert receivers.pagerduty.alerts == {ID: "triggered"}
    publish_held_message(held_message("resolved", "inc-000000000003"))

    brief, update, end = receivers.slack.messages
    assert (update["thread_ts"], end["thread_ts"]) == (brief["ts"], brief["ts"])
    assert receivers.pagerduty.alerts == {ID: "resolved"}
    assert receivers.counts == (3, 3, 3, 3)


def test_late_pull_request_goes_to_every_hook_once_in_the_thread(receivers: Receivers) -> None:
    """PagerDuty pages nobody for it."""
    work(requests.full(pull_request=None))
    traces.connect().set_pull_request(ID, PullRequestRecord(state="open", number=412, url=URL))

    for attempt in (1, 2):
        work(requests.full(pull_request=None, update_attempt=attempt))

    brief, update = receivers.slack.messages
    assert update["thread_ts"] == brief["ts"]
    assert receivers.counts == (2, 2, 1, 2)
    assert URL in str(update["blocks"])


def test_result_of_an_approval_goes_to_every_hook_once_in_the_thread(receivers: Receivers) -> None:
    """Who read in Slack that it waits reads there what became of it."""
    work(requests.full(pull_request=None))

    for _ in range(2):
        work(requests.full(is_approved=True))

    brief, result = receivers.slack.messages
    assert result["thread_ts"] == brief["ts"]
    assert result["text"].startswith("[high] billing-worker: Pull request #412 for billing-worker is open")
    assert receivers.hook.calls[1]["body"]["kind"] == "approval_result"
    assert receivers.counts == (2, 2, 1, 2)


def test_deploy_that_the_analysis_names_is_a_change_event(receivers: Receivers) -> None:
    """Once, and only where there is one."""
    work(requests.full())
    assert receivers.pagerduty.changes == []
    other = requests.alert(incident_id="inc-000000000009")
    traces.connect().open_incident(a_record(other))
    at = requests.ONSET - timedelta(minutes=3)
    rollout = Change(kind="rollout", at=at, what="Version 4c1d replaced 3b0a", version_after="4c1d")

    for _ in range(2):
        outcome = work(requests.full(alert=other, incident=requests.incident(what_changed=[rollout])))

    (event,) = receivers.pagerduty.changes
    assert event["payload"]["summary"] == "billing-worker: Version 4c1d replaced 3b0a"
    assert event["payload"]["timestamp"] == at.isoformat()
    assert outcome.deliveries["pagerduty_change"] == "already"
    assert "pagerduty_change" not in outcome.delivered_by


def test_change_event_that_fails_is_named_and_pages_all_the_same(receivers: Receivers) -> None:
    """It reaches nobody by itself, so it is not worth a retry."""
    change = Change(kind="rollout", at=requests.ONSET, what="Version 4c1d replaced 3b0a")
    request = requests.full(incident=requests.incident(what_changed=[change]))
    # The first event is the alert, the second the change.
    receivers.pagerduty.fail_next(Reply(202), Reply(400))

    outcome = work(request)

    assert (outcome.deliveries["pagerduty"], outcome.deliveries["pagerduty_change"]) == ("done", "failed")
    assert "pagerduty_change" in [failure.step for failure in outcome.failures]


@pytest.mark.parametrize(
    ("channel", "variables"),
    [
        ("slack", ("POST_PROCESS_URL", "PAGERDUTY_ROUTING_KEY", "TEAMS_WEBHOOK_URL")),
        ("teams", ("POST_PROCESS_URL", "PAGERDUTY_ROUTING_KEY", "SLACK_BOT_TOKEN", "SLACK_CHANNEL")),
        ("pagerduty", ("POST_PROCESS_URL", "TEAMS_WEBHOOK_URL", "SLACK_BOT_TOKEN", "SLACK_CHANNEL")),
    ],
)
def test_one_hook_alone_publishes_an_incident(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch, channel: str, variables: tuple[str, ...]
) -> None:
    """Its receipt is enough: no mail need be set up."""
    monkeypatch.setattr(outbox, "connect_mail", lambda: None)
    for name in variables:
        monkeypatch.delenv(name)

    outcome = work(requests.full())

    record = traces.connect().incident(ID)
    assert record is not None
    assert (outcome.kind, outcome.delivered_by, record.state) == ("full", frozenset({channel}), "closed")


def test_last_message_goes_to_every_hook(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug in the brief silences none."""

    def bug(*_: object) -> Any:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("functions.post_process.deliveries.announcement", bug)

    outcome = work(requests.full())

    assert receivers.counts == (1, 1, 1, 1)
    assert outcome.delivered_by >= HOOKS
    assert "could not be sent" in receivers.slack.messages[0]["text"]


def test_step_ends_within_its_budget_when_every_channel_hangs() -> None:
    """Else the platform kills it, and the mail waits for the next attempt."""
    hook_s: float = WebhookSettings.model_fields["post_process_timeout_s"].default
    schedule_s: float = ScheduleSettings.model_fields["oncall_timeout_s"].default
    mail_s: float = GmailSettings.model_fields["gmail_timeout_s"].default

    hooks_s = hook_s * len(["hook", *outbox.HOOKS]) + slack.READ_TIMEOUT_S
    assert hooks_s + schedule_s + mail_s < POST_PROCESS.budget_s


def test_hook_that_is_not_set_up_costs_no_call_of_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has mail alone waits for nothing more than before."""
    monkeypatch.setenv("POST_PROCESS_URL", "http://127.0.0.1:1")
    store = traces.connect()
    store.open_incident(a_record(requests.alert()))
    claim, keys = store.claim, list[str]()

    def noted(key: str, *rest: Any) -> Any:
        keys.append(key)
        return claim(key, *rest)

    monkeypatch.setattr(store, "claim", noted)
    monkeypatch.setattr(traces, "connect", lambda: store)

    outcome = work(requests.full())

    assert {key.partition(":")[0] for key in keys} & {*HOOKS, *outbox.HOOKS} == {"hook"}
    assert {name for name, status in outcome.deliveries.items() if status == "off"} >= {*outbox.HOOKS}


class Schedule:
    """The variables of a schedule at a sandbox."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, receivers: Receivers) -> None:
        receivers.pagerduty.on_call.append(("PSCHED", 1, {"id": "PBO", "email": "bo@example.com"}))
        set_to = partial(monkeypatch.setenv)
        set_to("ONCALL_PROVIDER", "pagerduty")
        set_to("PAGERDUTY_API_TOKEN", REST_TOKEN)
        set_to("PAGERDUTY_SCHEDULE_IDS", '["PSCHED"]')
        set_to("PAGERDUTY_API_URL", receivers.pagerduty.url)


def test_mail_goes_to_whoever_is_on_the_schedule(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list is not asked."""
    Schedule(monkeypatch, receivers)

    outcome = work(requests.full())

    assert receivers.mails[0].to == ("bo@example.com",)
    assert outcome.failures == []


def test_schedule_that_cannot_be_read_is_named_in_the_mail_to_the_list(
    receivers: Receivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody gets the brief, and reads why it may be the wrong person."""
    Schedule(monkeypatch, receivers)
    monkeypatch.setenv("PAGERDUTY_API_TOKEN", "wr0ng")

    outcome = work(requests.full())

    assert receivers.mails[0].to == ("ada@example.com",)
    assert [failure.step for failure in outcome.failures] == ["on_call"]
    assert "The schedule was not followed" in receivers.mails[0].text
    assert "those of ON_CALL_ENGINEERS got the mail instead" in receivers.mails[0].text


def test_schedule_without_a_list_is_enough(receivers: Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """ON_CALL_ENGINEERS is the fallback, not a must."""
    Schedule(monkeypatch, receivers)
    monkeypatch.delenv("ON_CALL_ENGINEERS")

    assert work(requests.full()).mail_status == "sent"
