"""Mails for tests of what sends them."""

from typing import Any

from shared.outbox.port import InlineImage, Mail

PNG = b"\x89PNG\r\n\x1a\nbytes"


def mail(**changes: Any) -> Mail:
    """A mail with one image."""
    fields: dict[str, Any] = {
        "to": ("ada@example.com", "bo@example.com"),
        "subject": "[high] billing-worker: Größe fehlt",
        "html": '<p>Hallo</p><img src="cid:chart-1@incident-copilot">',
        "text": "Hallo",
        "message_id": "<inc-1.brief@incident-copilot>",
        "images": (InlineImage("chart-1@incident-copilot", PNG),),
    }
    return Mail(**{**fields, **changes})
