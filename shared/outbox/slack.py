"""Slack: by an incoming webhook, or by a bot that keeps one thread per incident.

Source: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks,
https://docs.slack.dev/reference/methods/chat.postMessage
"""

import hashlib
import hmac
import json
import re
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode

from pydantic import Field, SecretStr, model_validator

from shared.errors import (
    IncidentCopilotError,
    Misconfigured,
    Refused,
    Throttled,
    Unavailable,
    Uncertain,
)
from shared.http.retries import Sleep, with_retries
from shared.http.status import retry_after_s
from shared.outbox.posting import (
    MAX_ANSWER_BYTES,
    TIMEOUT,
    Answer,
    Payload,
    check_address,
    error_of,
    fit_to_send,
    post,
    quoted_reason,
)
from shared.outbox.slack_message import slack_message
from shared.settings import Settings

HOST = "hooks.slack.com"
BRIEFS = ("full", "degraded", "dismissed")
"""Kinds that the channel shows too when they stand in another incident's thread."""
MAX_READ_MESSAGES = 100
"""How many messages of a channel or a thread are read for one that may have been posted before."""
MAX_READ_BYTES = 2_000_000
READ_TIMEOUT_S = 3.0
EVENT_TYPE = "incident_copilot_outcome"
_RECEIPT = re.compile(r"(?P<channel>[A-Z0-9]{5,20}):(?P<ts>\d+\.\d+)(/(?P<parent>\d+\.\d+))?")
# Slack's own words for both: "It's possible some aspect of the operation succeeded before the error was raised."
_MAY_HAVE_HAPPENED = ("internal_error", "fatal_error")
_DID_NOTHING = ("service_unavailable", "request_timeout", "team_added_to_org")
_TOO_FAST = ("ratelimited", "rate_limited")
_HINTS = {
    "channel_not_found": "SLACK_CHANNEL is the channel's id (C…), and the app must be in a private one",
    "not_in_channel": "invite the app to the channel of SLACK_CHANNEL",
    "is_archived": "the channel of SLACK_CHANNEL is archived",
    "missing_scope": "the app of SLACK_BOT_TOKEN needs the scope chat:write",
    **dict.fromkeys(
        ("invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"),
        "SLACK_BOT_TOKEN is not valid any more",
    ),
}


class SlackSettings(Settings):
    """The bot with its channel, or the webhook; the bot is taken when both are set."""

    slack_webhook_url: SecretStr | None = Field(
        None, description="Slack's incoming webhook; unset, nothing is posted by one."
    )
    slack_bot_token: SecretStr | None = Field(
        None,
        description="Token (xoxb-…) of a Slack app with the scope chat:write, and channels:history to find its own "
        "message again.",
    )
    slack_channel: str | None = Field(
        None, pattern=r"^[A-Z0-9]{5,20}$", description="Id (C…) of the channel that the bot posts to."
    )
    slack_api_url: str = Field("https://slack.com/api", description="Root of Slack's Web API.")
    post_process_timeout_s: float = Field(10, gt=0, le=60, description=TIMEOUT)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.slack_webhook_url is not None:
            check_address(self.slack_webhook_url.get_secret_value(), "SLACK_WEBHOOK_URL")
        check_address(self.slack_api_url, "SLACK_API_URL")
        if (self.slack_bot_token is None) != (self.slack_channel is None):
            raise Misconfigured("SLACK_BOT_TOKEN and SLACK_CHANNEL are needed together")
        if self.slack_webhook_url is None and self.slack_bot_token is None:
            raise Misconfigured("SLACK_WEBHOOK_URL, or SLACK_BOT_TOKEN and SLACK_CHANNEL, must be set")
        return self


class SlackWebhook:
    """Posts by an incoming webhook, which knows no threads; `sleep` is the pause between tries."""

    def __init__(self, url: SecretStr, timeout_s: float, sleep: Sleep = time.sleep) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._sleep = sleep

    def call(self, payload: Payload, key: str, thread: str = "") -> str:  # noqa: ARG002  # it has no threads
        """
        Post the payload as a message; return the key. It is tried again only while nothing was posted.

        Raises Unavailable (no connection, 503), Throttled (429), Refused (3xx, 4xx), Uncertain (no reply, other 5xx).
        """
        body = json.dumps(slack_message(fit_to_send(payload)), default=str).encode()
        with_retries(lambda left_s: self._post(body, left_s), self._timeout_s, sleep=self._sleep)
        return key

    def _post(self, body: bytes, timeout_s: float) -> None:
        answer = post(self._url.get_secret_value(), body, {}, timeout_s, "Slack's webhook", MAX_ANSWER_BYTES)
        if answer.status >= 300:
            raise error_of(answer, "Slack's webhook", answer.body.decode(errors="replace"))


class SlackBot:
    """
    Posts as a bot; the receipt `<channel>:<ts>` names the message, and `/<ts>` behind it the one that began its thread.

    Slack removes no duplicates. Each message therefore carries a mark that only the holder of the token can make, and
    before a message is posted, the newest ones are searched for it.
    """

    def __init__(self, settings: SlackSettings, sleep: Sleep = time.sleep) -> None:
        assert settings.slack_bot_token, "without a token it is the webhook that posts"
        self._token = settings.slack_bot_token.get_secret_value()
        self._channel = settings.slack_channel or ""
        self._root = settings.slack_api_url.rstrip("/")
        self._timeout_s = settings.post_process_timeout_s
        self._sleep = sleep

    def call(self, payload: Payload, key: str, thread: str = "") -> str:
        """
        Post the payload as a message, in the thread that the receipt `thread` began; return its receipt.

        A thread that takes no answer any more does not lose it: it goes to the channel. Raises Unavailable, Throttled,
        Refused, Uncertain as Slack's answer says.
        """
        parent = self._parent(thread)
        mark = hmac.new(self._token.encode(), key.encode(), hashlib.sha256).hexdigest()
        message = {
            "channel": self._channel,
            **slack_message(fit_to_send(payload)),
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"mark": mark}},
        }
        reply = {"thread_ts": parent, "reply_broadcast": payload["kind"] in BRIEFS}
        try:
            return self._posted({**message, **(reply if parent else {})}, mark)
        except Refused:
            if not parent:
                raise
        return self._posted(message, mark)

    def _parent(self, thread: str) -> str:
        """Return the message that a thread began with; empty for what is no receipt of this channel."""
        receipt = _RECEIPT.fullmatch(thread)
        return (receipt["parent"] or receipt["ts"]) if receipt and receipt["channel"] == self._channel else ""

    def _posted(self, message: Mapping[str, Any], mark: str) -> str:
        if posted := self._posted_before(message, mark):
            return posted
        body = json.dumps(message, default=str).encode()
        return with_retries(
            lambda left_s: self._post(body, str(message.get("thread_ts", "")), left_s),
            self._timeout_s,
            sleep=self._sleep,
        )

    def _posted_before(self, message: Mapping[str, Any], mark: str) -> str:
        """Return the receipt of this very message when it stands in Slack; empty also when Slack does not say."""
        query = {"channel": self._channel, "limit": str(MAX_READ_MESSAGES), "include_all_metadata": "true"}
        if parent := str(message.get("thread_ts", "")):
            query["ts"] = parent
        method = "conversations.replies" if parent else "conversations.history"
        try:
            answer = self._call(method, urlencode(query).encode(), "application/x-www-form-urlencoded", READ_TIMEOUT_S)
        except IncidentCopilotError:
            # Not every app may read its channel: a message that comes twice is better than none.
            return ""
        messages = answer.get("messages")
        for one in messages if isinstance(messages, list) else ():
            if isinstance(one, dict) and _mark_of(one) == mark:
                return self._receipt(one, parent)
        return ""

    def _post(self, body: bytes, parent: str, timeout_s: float) -> str:
        answer = self._call("chat.postMessage", body, "application/json; charset=utf-8", timeout_s)
        return self._receipt(answer, parent)

    def _receipt(self, answer: Mapping[str, Any], parent: str) -> str:
        return f"{self._channel}:{answer.get('ts', '')}" + (f"/{parent}" if parent else "")

    def _call(self, method: str, body: bytes, content_type: str, timeout_s: float) -> Payload:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        answer = post(f"{self._root}/{method}", body, headers, timeout_s, "Slack", MAX_READ_BYTES)
        content = answer.json()
        if answer.status >= 300:
            raise error_of(answer, "Slack", str(content.get("error") or ""))
        if content.get("ok") is not True:
            raise _error(answer, content)
        return content


def _mark_of(message: Mapping[str, Any]) -> object:
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return payload.get("mark") if isinstance(payload, dict) else None


def _error(answer: Answer, content: Payload) -> IncidentCopilotError:
    """Return the error for an answer of 200 that is no success: Slack's code says which."""
    code = content.get("error")
    if not isinstance(code, str):
        return Uncertain("Slack answered with no JSON of its own: the message may have been posted")
    message = f"Slack refused the message: {quoted_reason(code)}"
    if code in _MAY_HAVE_HAPPENED:
        return Uncertain(f"{message}; it may have been posted all the same")
    if code in _TOO_FAST:
        return Throttled(message, retry_after_s(answer.retry_after))
    if code in _DID_NOTHING:
        return Unavailable(message)
    return Refused(f"{message}; {_HINTS[code]}" if code in _HINTS else message)
