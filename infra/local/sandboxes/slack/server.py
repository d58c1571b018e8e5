"""Slack on loopback: an incoming webhook below /services, and chat.postMessage with what it needs below /api.

Like Slack, the Web API answers a refusal with 200 and `{"ok": false, "error": …}`, and the webhook with a word.
Source: https://docs.slack.dev/reference/methods/chat.postMessage, https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterator
from typing import Any

from infra.local.sandboxes.http import Reply, Request, Sandbox

TOKEN = "xoxb-sandbox-token"  # noqa: S105  # it opens this sandbox alone
CHANNEL = "C0SANDBOX"
SCOPES = frozenset({"chat:write", "channels:history"})
_TEXT_CHARS = {"header": 150, "section": 3_000, "button": 75}
_URL_CHARS = 3_000
_MAX_BLOCKS = 50


class SlackSandbox(Sandbox):
    """Keeps messages in order, each as it was posted with its `ts`; `scopes` are those of the app."""

    def __init__(self, port: int = 0, scopes: frozenset[str] = SCOPES) -> None:
        super().__init__(port)
        self.scopes = scopes
        self.closed_threads: set[str] = set()
        """Messages that take no replies."""
        self._messages: list[dict[str, Any]] = []

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The messages posted so far."""
        with self._lock:
            return list(self._messages)

    def answer(self, request: Request) -> Reply:
        """Answer as the webhook or as the Web API."""
        if request.path.startswith("/services/"):
            return self._webhook(request)
        if not request.path.startswith("/api/"):
            return super().answer(request)
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _refusal("invalid_auth")
        return self._method(request.path.removeprefix("/api/"), request)

    def _webhook(self, request: Request) -> Reply:
        try:
            message = request.json()
        except ValueError:
            return Reply.of_text("invalid_payload", 400)
        if not isinstance(message, dict) or not (message.get("text") or message.get("blocks")):
            return Reply.of_text("no_text", 400)
        if problems(message):
            return Reply.of_text("invalid_blocks", 400)
        self._keep(message)
        return Reply.of_text("ok")

    def _method(self, method: str, request: Request) -> Reply:
        scope = "chat:write" if method == "chat.postMessage" else "channels:history"
        if scope not in self.scopes:
            return _refusal("missing_scope", needed=scope, provided=",".join(sorted(self.scopes)))
        if method == "chat.postMessage":
            return self._post(request.json())
        if request.param("channel") != CHANNEL:
            return _refusal("channel_not_found")
        return self._read(request, is_thread=method == "conversations.replies")

    def _post(self, message: dict[str, Any]) -> Reply:
        if message.get("channel") != CHANNEL:
            return _refusal("channel_not_found")
        if message.get("thread_ts") in self.closed_threads:
            return _refusal("cannot_reply_to_message")
        if wrong := problems(message):
            return _refusal("invalid_blocks", errors=wrong)
        posted = self._keep(message)
        return Reply.of_json({"ok": True, "channel": CHANNEL, "ts": posted["ts"], "message": posted})

    def _read(self, request: Request, *, is_thread: bool) -> Reply:
        parent, is_whole = request.param("ts"), request.param("include_all_metadata") == "true"
        if is_thread:
            listed = [one for one in self.messages if parent in (one["ts"], one.get("thread_ts"))]
        else:
            # A reply stands in its channel only when it was broadcast.
            listed = [one for one in self.messages if not one.get("thread_ts") or one.get("reply_broadcast")]
            listed = listed[::-1]
        parts = [one if is_whole else {**one, "metadata": None} for one in listed]
        return Reply.of_json({"ok": True, "messages": parts[: int(request.param("limit", "100"))]})

    def _keep(self, message: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            posted = {**message, "ts": f"17000000{len(self._messages):02d}.000100"}
            self._messages.append(posted)
        return posted


def problems(message: dict[str, Any]) -> list[str]:
    """Return why Slack would refuse the message's blocks."""
    blocks = message.get("blocks") or []
    wrong = [f"more than {_MAX_BLOCKS} items allowed"] if len(blocks) > _MAX_BLOCKS else []
    for part in _parts(blocks):
        kind, text = part["type"], part.get("text") or {}
        if kind in _TEXT_CHARS and not 0 < len(text.get("text", "")) <= _TEXT_CHARS[kind]:
            wrong.append(f"must be no more than {_TEXT_CHARS[kind]} characters, and not empty: {kind}")
        if len(part.get("url", "")) > _URL_CHARS:
            wrong.append(f"must be no more than {_URL_CHARS} characters: url")
    return wrong


def _parts(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        yield block
        yield from (one for one in block.get("elements", []) if one["type"] == "button")


def _refusal(code: str, **details: Any) -> Reply:
    return Reply.of_json({"ok": False, "error": code, **details})
