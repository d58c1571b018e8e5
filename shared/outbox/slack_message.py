"""Slack's message for an outcome: blocks in which what others wrote is plain text and nothing of it acts.

Source: https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/methods/chat.postMessage
"""

from shared.bounds import clip
from shared.outbox.posting import Payload
from shared.text.harmless import one_line

HEADER_CHARS = 150
TEXT_CHARS = 2_900
"""Slack refuses a section's text over 3,000 characters."""
URL_CHARS = 3_000
BUTTONS = (
    ("approval_url", "Look at it and approve"),
    ("pr_url", "Draft pull request"),
    ("brief_url", "Open the brief"),
)
"""What a payload links, with the button's words. The code that approves stands in the mail alone."""


def slack_message(payload: Payload) -> Payload:
    """Return the message for a payload that is fit to send; one paragraph for each text of others."""
    title = title_of(payload)
    texts_of_others = [_plain_section(f"{name}: {one_line(text)}") for name, text in paragraphs(payload)]
    return {
        "text": _escaped(title),
        "mrkdwn": False,
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": _plain(title, HEADER_CHARS)},
            _own_section(f"*Outcome:* {_escaped(payload['kind'])}{_since(payload)}"),
            *texts_of_others,
            *_buttons(payload),
            {
                "type": "context",
                "elements": [{"type": "mrkdwn", "text": f"Incident `{_escaped(payload['incident_id'])}`"}],
            },
        ],
    }


def title_of(payload: Payload) -> str:
    """Return the severity, the service and what is broken, in one line."""
    return one_line(f"[{payload['severity']}] {payload['service_name']}: {payload.get('title') or payload['headline']}")


def paragraphs(payload: Payload) -> list[tuple[str, str]]:
    """Return what a reader needs, the most important first, each with its name."""
    texts = {
        "What happened": "" if payload["headline"] in title_of(payload) else payload["headline"],
        "Most likely cause": payload.get("most_likely_cause"),
        "What is new" if payload.get("update_id") else "Do now": payload.get("recommended_action"),
        "Incomplete": payload.get("incomplete"),
    }
    return [(name, str(text)) for name, text in texts.items() if text]


def links(payload: Payload) -> list[tuple[str, str]]:
    """Return the words and address of each page that the payload links; one too long for a button is left out."""
    return [(words, url) for name, words in BUTTONS if (url := payload.get(name)) and len(url) <= URL_CHARS]


def _buttons(payload: Payload) -> list[Payload]:
    # A button with an address needs no receiver of interactions: it is a link.
    buttons = [
        {"type": "button", "action_id": f"open_{number}", "text": _plain(words, 75), "url": url}
        for number, (words, url) in enumerate(links(payload))
    ]
    return [{"type": "actions", "elements": buttons}] if buttons else []


def _plain(text: str, chars: int) -> Payload:
    return {"type": "plain_text", "text": clip(text, chars), "emoji": False}


def _plain_section(text: str) -> Payload:
    return {"type": "section", "text": _plain(text, TEXT_CHARS)}


def _own_section(text: str) -> Payload:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _since(payload: Payload) -> str:
    return f" · *Since:* {_escaped(payload['since'])}" if payload.get("since") else ""


def _escaped(text: object) -> str:
    """Escape Slack's three special characters, so that no text can inject `<!channel>`."""
    return clip(str(text), TEXT_CHARS).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
