"""Microsoft Teams: an adaptive card by the webhook of a workflow ("When a Teams webhook request is received").

Source: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using,
https://adaptivecards.io/explorer
"""

import json
import time
from collections.abc import Sequence
from typing import Self

from pydantic import Field, SecretStr, model_validator

from shared.bounds import clip
from shared.http.retries import Sleep, with_retries
from shared.outbox.posting import (
    MAX_ANSWER_BYTES,
    TIMEOUT,
    Payload,
    check_address,
    error_of,
    fit_to_send,
    post,
)
from shared.outbox.slack_message import links, paragraphs, title_of
from shared.settings import Settings
from shared.text.harmless import one_line

OLD_CONNECTORS = ".webhook.office.com"
MAX_MESSAGE_BYTES = 20_000
"""
A message over about 28 KB fails, with what Teams adds to it, and only after the webhook has answered 202: stay below.

Source: https://learn.microsoft.com/en-us/connectors/teams/#known-issues-and-limitations-with-actions
"""
TEXT_CHARS = 2_900
SHORTEST_TEXT_CHARS = 50


class TeamsSettings(Settings):
    """The workflow that posts; its URL holds its signature."""

    teams_webhook_url: SecretStr = Field(
        description="Webhook of a Teams workflow that posts the card it gets; unset, nothing is posted to Teams."
    )
    post_process_timeout_s: float = Field(10, gt=0, le=60, description=TIMEOUT)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_address(self.teams_webhook_url.get_secret_value(), "TEAMS_WEBHOOK_URL")
        return self


class Teams:
    """Posts cards; a workflow starts anew with each, so that one that may have arrived is not posted again."""

    def __init__(self, url: SecretStr, timeout_s: float, sleep: Sleep = time.sleep) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._sleep = sleep

    def call(self, payload: Payload, key: str, thread: str = "") -> str:  # noqa: ARG002  # the webhook has no threads
        """
        Post the payload as a card; return the key. Its 202 says that the workflow has it, not yet that the card stands.

        Raises Unavailable (no connection, 503), Throttled (429), Refused (3xx, 4xx), Uncertain (no reply, other 5xx).
        """
        body = teams_body(fit_to_send(payload))
        with_retries(lambda left_s: self._post(body, left_s), self._timeout_s, sleep=self._sleep)
        return key

    def _post(self, body: bytes, timeout_s: float) -> None:
        answer = post(self._url.get_secret_value(), body, {}, timeout_s, "Teams' webhook", MAX_ANSWER_BYTES)
        if answer.status < 300:
            return
        error = answer.json().get("error")
        code = str(error.get("code") or "") if isinstance(error, dict) else ""
        raise error_of(answer, "Teams' webhook", code)


def teams_body(payload: Payload) -> bytes:
    """Return the message for a payload that is fit to send, its texts cut until it is small enough for Teams."""
    chars = TEXT_CHARS
    while True:
        body = json.dumps(teams_message(payload, chars), ensure_ascii=False).encode("utf-8", "replace")
        if len(body) <= MAX_MESSAGE_BYTES or chars <= SHORTEST_TEXT_CHARS:
            return body
        chars //= 2


def teams_message(payload: Payload, chars: int = TEXT_CHARS) -> Payload:
    """Return the message with the card, each text of others cut to `chars` characters."""
    return {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": _card(payload, chars),
            }
        ],
    }


def _card(payload: Payload, chars: int) -> Payload:
    since = f" · Since: {payload['since']}" if payload.get("since") else ""
    facts = f"Outcome: {payload['kind']}{since}"
    body = [
        _text([_run(clip(title_of(payload), 200), weight="Bolder", size="Large")]),
        _text([_run(facts)]),
        *(
            _text([_run(f"{name}: ", weight="Bolder"), _run(clip(one_line(text), chars))])
            for name, text in paragraphs(payload)
        ),
        _text([_run(f"Incident {payload['incident_id']}", size="Small", isSubtle=True)]),
    ]
    actions = [{"type": "Action.OpenUrl", "title": words, "url": url} for words, url in links(payload)]
    return {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        **({"actions": actions} if actions else {}),
    }


def _text(runs: Sequence[Payload]) -> Payload:
    # A TextBlock reads Markdown, in which the text of others could be a link; a TextRun reads none.
    return {"type": "RichTextBlock", "inlines": list(runs)}


def _run(text: str, **style: object) -> Payload:
    return {"type": "TextRun", "text": text, **style}
