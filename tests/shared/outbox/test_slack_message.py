"""What stands in Slack's message, and how Slack reads it."""

from typing import Any

import pytest

from infra.local.sandboxes.slack.server import problems
from shared.outbox.posting import fit_to_send
from shared.outbox.slack_message import slack_message
from tests.shared.outbox.payloads import HOSTILE, OTHERS_WRITE, PAYLOAD, huge


def texts_of(payload: dict[str, Any]) -> dict[str, list[str]]:
    """Return the texts of the message by how Slack reads them."""
    texts: dict[str, list[str]] = {"plain_text": [], "mrkdwn": []}
    for block in slack_message(fit_to_send(payload))["blocks"]:
        for part in [block] if "text" in block else block["elements"]:
            text = part["text"] if isinstance(part["text"], dict) else part
            texts[text["type"]].append(text["text"])
    return texts


def buttons_of(payload: dict[str, Any]) -> dict[str, str]:
    """Return the addresses of the message's buttons by their words."""
    blocks = slack_message(fit_to_send(payload))["blocks"]
    return {
        one["text"]["text"]: one["url"] for block in blocks if block["type"] == "actions" for one in block["elements"]
    }


@pytest.mark.parametrize("field", OTHERS_WRITE)
def test_nothing_that_others_wrote_acts_in_slack(field: str) -> None:
    """No mention, no link, no format and no line that looks like ours: it is plain text in a paragraph of its own."""
    payload = PAYLOAD | {field: HOSTILE}

    texts = texts_of(payload)

    assert not any("evil" in text or "Do now" in text for text in texts["mrkdwn"])
    assert not any("\n" in text or "https://evil" in text for text in texts["plain_text"])
    assert "<!channel>" not in slack_message(payload)["text"]
    assert not any("evil" in url for url in buttons_of(payload).values())


def test_buttons_open_our_own_pages() -> None:
    """The one that leads to approval comes first."""
    pages = {"approval_url": "https://approve.example.com/?incident=1", "brief_url": "https://console.example.com/1"}

    assert buttons_of(PAYLOAD | pages) == {
        "Look at it and approve": pages["approval_url"],
        "Draft pull request": PAYLOAD["pr_url"],
        "Open the brief": pages["brief_url"],
    }


def test_message_without_pages_has_no_buttons() -> None:
    """Slack refuses a block of actions without one."""
    assert buttons_of(PAYLOAD | {"pr_url": None}) == {}
    assert problems(slack_message(PAYLOAD | {"pr_url": None})) == []


def test_payload_over_every_limit_stays_within_those_of_slack() -> None:
    """A long cause does not make Slack refuse the message, and what is left out is marked."""
    message = slack_message(fit_to_send(huge()))

    assert problems(message) == []
    assert any(block["text"]["text"].endswith("…") for block in message["blocks"] if block["type"] == "section")


def test_update_is_no_instruction() -> None:
    """What is new is not what to do."""
    update = PAYLOAD | {"kind": "update", "update_id": "inc-000002"}

    assert any(text.startswith("What is new: ") for text in texts_of(update)["plain_text"])
    assert any(text.startswith("Do now: ") for text in texts_of(PAYLOAD)["plain_text"])
