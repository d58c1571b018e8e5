"""The Slack sandbox over real HTTP: refuses as Slack does, with 200 and a code."""

from typing import Any

import pytest
import requests

from infra.local.sandboxes.slack.server import CHANNEL, TOKEN, SlackSandbox

MESSAGE = {"channel": CHANNEL, "text": "t", "blocks": []}


def call(slack: SlackSandbox, method: str, body: Any, token: str = TOKEN) -> dict[str, Any]:
    """Return Slack's answer, whose status is always 200."""
    reply = requests.post(
        f"{slack.url}/api/{method}", json=body, headers={"Authorization": f"Bearer {token}"}, timeout=5
    )
    assert reply.status_code == 200
    answer: dict[str, Any] = reply.json()
    return answer


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"channel": "C0NOWHERE"}, "channel_not_found"),
        ({"thread_ts": "1.000001"}, "cannot_reply_to_message"),
        ({"blocks": [{"type": "section", "text": {"type": "plain_text", "text": "x" * 3_001}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "header", "text": {"type": "plain_text", "text": ""}}]}, "invalid_blocks"),
        ({"blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
    ],
)
def test_message_is_refused_with_its_code(changes: dict[str, Any], code: str) -> None:
    """Nothing is posted then."""
    with SlackSandbox() as slack:
        slack.closed_threads.add("1.000001")

        answer = call(slack, "chat.postMessage", {**MESSAGE, **changes})

        assert (answer["ok"], answer["error"], slack.messages) == (False, code, [])


def test_wrong_token_and_missing_scope_are_refused() -> None:
    """As an app that was installed wrongly meets it."""
    with SlackSandbox(scopes=frozenset()) as slack:
        assert call(slack, "chat.postMessage", MESSAGE, token="xoxb-other")["error"] == "invalid_auth"
        assert call(slack, "chat.postMessage", MESSAGE) == {
            "ok": False,
            "error": "missing_scope",
            "needed": "chat:write",
            "provided": "",
        }


def test_reply_stands_in_its_thread_and_not_in_the_channel() -> None:
    """Unless it was broadcast."""
    with SlackSandbox() as slack:
        root = call(slack, "chat.postMessage", MESSAGE)["ts"]
        call(slack, "chat.postMessage", {**MESSAGE, "text": "reply", "thread_ts": root})
        headers = {"Authorization": f"Bearer {TOKEN}"}
        fields = {"channel": CHANNEL, "ts": root}

        history = requests.post(f"{slack.url}/api/conversations.history", data=fields, headers=headers, timeout=5)
        thread = requests.post(f"{slack.url}/api/conversations.replies", data=fields, headers=headers, timeout=5)

    assert [one["text"] for one in history.json()["messages"]] == ["t"]
    assert [one["text"] for one in thread.json()["messages"]] == ["t", "reply"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [(b"no json", 400, "invalid_payload"), (b"{}", 400, "no_text"), (b'{"text": "t"}', 200, "ok")],
)
def test_webhook_answers_with_a_word(body: bytes, status: int, text: str) -> None:
    """It speaks no JSON."""
    with SlackSandbox() as slack:
        reply = requests.post(f"{slack.url}/services/T/B/x", data=body, timeout=5)

    assert (reply.status_code, reply.text) == (status, text)
