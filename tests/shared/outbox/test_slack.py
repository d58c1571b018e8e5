"""Slack by webhook and by bot against its sandbox, over real HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.slack.server import CHANNEL, TOKEN, SlackSandbox
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox.slack import SlackBot, SlackSettings, SlackWebhook
from tests.shared.outbox.payloads import PAYLOAD, huge

UPDATE = {**PAYLOAD, "kind": "update", "update_id": "inc-000002"}
BROKEN = Reply(200, b'{"ok": true, "channel": "C0SANDBOX", "ts": "17"}', is_truncated=True)


@pytest.fixture
def sandbox() -> Iterator[SlackSandbox]:
    """Slack on loopback."""
    with SlackSandbox() as running:
        yield running


def bot(sandbox: SlackSandbox, **changes: Any) -> SlackBot:
    """A bot that does not wait between tries."""
    fields = {"slack_bot_token": TOKEN, "slack_channel": CHANNEL, "slack_api_url": f"{sandbox.url}/api"}
    return SlackBot(SlackSettings.model_validate({**fields, **changes}), sleep=lambda _: None)


def webhook(sandbox: SlackSandbox) -> SlackWebhook:
    """An incoming webhook that does not wait between tries."""
    return SlackWebhook(SecretStr(f"{sandbox.url}/services/T0/B0/s3cr3t"), 5, sleep=lambda _: None)


def posts(sandbox: SlackSandbox) -> int:
    """Return how many messages Slack was sent."""
    return sum(request.path.endswith("chat.postMessage") for request in sandbox.requests)


def test_webhook_posts_one_message(sandbox: SlackSandbox) -> None:
    """The key is its receipt, as a webhook gives none."""
    assert webhook(sandbox).call(PAYLOAD, "inc-000001") == "inc-000001"

    (message,) = sandbox.messages
    assert message["text"].startswith("[high] billing-worker: Invoices")


@pytest.mark.parametrize(
    ("reply", "error", "tries"),
    [
        (Reply.of_text("channel_is_archived", 410), Refused, 1),
        (Reply.of_text("no_service", 404), Refused, 1),
        (Reply.of_text("rate_limited", 429), Throttled, 3),
        (Reply.of_text("rollup_error", 500), Uncertain, 1),
    ],
)
def test_webhooks_refusal_is_quoted(sandbox: SlackSandbox, reply: Reply, error: type[Exception], tries: int) -> None:
    """An operator reads Slack's word for it, and never the address."""
    sandbox.fail_next(*[reply] * 3)

    with pytest.raises(error, match=reply.body.decode()) as caught:
        webhook(sandbox).call(PAYLOAD, "k")

    assert "s3cr3t" not in str(caught.value)
    assert len(sandbox.requests) == tries


def test_later_messages_stand_in_the_thread_of_the_first(sandbox: SlackSandbox) -> None:
    """The receipt of a reply leads to the same thread, and an update is not shown in the channel."""
    slack = bot(sandbox)

    first = slack.call(PAYLOAD, "inc-000001")
    second = slack.call(UPDATE, "inc-000002", thread=first)
    slack.call({**UPDATE, "kind": "resolved"}, "inc-000003", thread=second)

    brief, *replies = sandbox.messages
    assert first == f"{CHANNEL}:{brief['ts']}"
    assert "thread_ts" not in brief
    assert [one["thread_ts"] for one in replies] == [brief["ts"]] * 2
    assert [one["reply_broadcast"] for one in replies] == [False, False]


def test_brief_in_another_incidents_thread_is_shown_in_the_channel(sandbox: SlackSandbox) -> None:
    """A service that fails by the same cause must not be overlooked."""
    slack = bot(sandbox)
    first = slack.call(PAYLOAD, "inc-000001")

    slack.call({**PAYLOAD, "service_name": "checkout-api"}, "inc-000009", thread=first)

    assert sandbox.messages[1]["reply_broadcast"] is True


@pytest.mark.parametrize("thread", ["", "inc-000001", "C0OTHER99:1700000000.000100"])
def test_receipt_of_elsewhere_is_no_thread(sandbox: SlackSandbox, thread: str) -> None:
    """The brief may have gone by the webhook, or to another channel."""
    bot(sandbox).call(UPDATE, "k", thread=thread)

    assert "thread_ts" not in sandbox.messages[0]


def test_thread_that_takes_no_reply_loses_no_message(sandbox: SlackSandbox) -> None:
    """It goes to the channel then."""
    slack = bot(sandbox)
    first = slack.call(PAYLOAD, "inc-000001")
    sandbox.closed_threads.add(sandbox.messages[0]["ts"])

    slack.call(UPDATE, "inc-000002", thread=first)

    assert "thread_ts" not in sandbox.messages[1]


@pytest.mark.parametrize("lost", [Reply(delay_s=5), BROKEN, Reply.of_json({"ok": False, "error": "internal_error"})])
def test_message_that_may_stand_in_slack_is_uncertain_and_not_repeated(sandbox: SlackSandbox, lost: Reply) -> None:
    """Slack removes no duplicates."""
    sandbox.fail_next(Reply.of_json({"ok": True, "messages": []}), lost)

    with pytest.raises(Uncertain):
        bot(sandbox, post_process_timeout_s=0.5).call(PAYLOAD, "k")

    assert posts(sandbox) == 1


@pytest.mark.parametrize("in_thread", [False, True])
def test_message_whose_receipt_was_lost_is_not_posted_again(sandbox: SlackSandbox, in_thread: bool) -> None:
    """The process died after Slack had the message: the next attempt finds it there, and its receipt."""
    slack = bot(sandbox)
    first = slack.call(PAYLOAD, "inc-000001")
    thread = first if in_thread else ""
    lost = slack.call(UPDATE, "inc-000002", thread=thread)

    assert bot(sandbox).call(UPDATE, "inc-000002", thread=thread) == lost
    assert len(sandbox.messages) == 2


def test_nobody_else_can_make_a_message_look_posted(sandbox: SlackSandbox) -> None:
    """The mark needs the token: another app cannot silence us with the incident's id."""
    slack = bot(sandbox)
    slack.call(PAYLOAD, "inc-000001")
    mark = sandbox.messages[0]["metadata"]["event_payload"]["mark"]

    bot(sandbox, slack_channel=CHANNEL).call(PAYLOAD, "inc-000002")

    assert mark != "inc-000001"
    assert len({one["metadata"]["event_payload"]["mark"] for one in sandbox.messages}) == 2


def test_app_that_may_not_read_its_channel_posts_all_the_same() -> None:
    """A message that might come twice is better than none."""
    with SlackSandbox(scopes=frozenset({"chat:write"})) as sandbox:
        bot(sandbox).call(PAYLOAD, "k")

        assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("channel_not_found", Refused, "SLACK_CHANNEL"),
        ("not_in_channel", Refused, "invite"),
        ("token_revoked", Refused, "SLACK_BOT_TOKEN"),
        ("invalid_blocks", Refused, "invalid_blocks"),
        ("ratelimited", Throttled, "ratelimited"),
        ("service_unavailable", Unavailable, "service_unavailable"),
        ("fatal_error", Uncertain, "may have been posted"),
    ],
)
def test_refusal_with_status_200_is_an_error(
    sandbox: SlackSandbox, code: str, error: type[IncidentCopilotError], words: str
) -> None:
    """Slack's status says nothing; its code says who must act."""
    refusal = Reply.of_json({"ok": False, "error": code})
    sandbox.fail_next(Reply.of_json({"ok": True, "messages": []}), *[refusal] * 3)

    with pytest.raises(error, match=words) as caught:
        bot(sandbox).call(PAYLOAD, "k")

    assert TOKEN not in str(caught.value)


def test_rate_limit_is_waited_for_as_long_as_slack_asks(sandbox: SlackSandbox) -> None:
    """429 with Retry-After: the message is posted once, after the wait."""
    waits: list[float] = []
    fields = {"slack_bot_token": TOKEN, "slack_channel": CHANNEL, "slack_api_url": f"{sandbox.url}/api"}
    limited = Reply.of_json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "2"})
    sandbox.fail_next(Reply.of_json({"ok": True, "messages": []}), limited)

    SlackBot(SlackSettings.model_validate(fields), sleep=waits.append).call(PAYLOAD, "k")

    assert (waits, len(sandbox.messages)) == ([2.0], 1)


def test_payload_over_every_limit_is_accepted(sandbox: SlackSandbox) -> None:
    """No text makes Slack refuse a message."""
    bot(sandbox).call(huge(), "k")

    assert len(sandbox.messages) == 1


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_CHANNEL"),
        ({"SLACK_CHANNEL": CHANNEL}, "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CHANNEL": "#incidents"}, "SLACK_CHANNEL"),
        ({"SLACK_WEBHOOK_URL": "http://hooks.slack.com/services/x"}, "SLACK_WEBHOOK_URL"),
        ({}, "SLACK_WEBHOOK_URL"),
    ],
)
def test_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, fields: dict[str, str], name: str) -> None:
    """A bot needs its channel, by its id."""
    for variable, value in fields.items():
        monkeypatch.setenv(variable, value)

    with pytest.raises(Misconfigured, match=name) as caught:
        SlackSettings.from_env()

    assert "xoxb-1" not in str(caught.value)
