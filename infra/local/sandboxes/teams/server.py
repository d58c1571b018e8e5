"""The webhook of a Microsoft Teams workflow on loopback: takes a message with adaptive cards and answers 202, empty.

Source: https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
"""

from typing import Any

from infra.local.sandboxes.http import Reply, Request, Sandbox

PATH = "/workflows/sandbox/triggers/manual/paths/invoke?api-version=1&sig=sandbox-signature"
CARD = "application/vnd.microsoft.card.adaptive"
MAX_BYTES = 28_672


class TeamsSandbox(Sandbox):
    """Keeps the cards that it accepted, in order."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._cards: list[dict[str, Any]] = []

    @property
    def webhook(self) -> str:
        """The address that posts."""
        return f"{self.url}{PATH}"

    @property
    def cards(self) -> list[dict[str, Any]]:
        """The cards accepted so far."""
        with self._lock:
            return list(self._cards)

    def answer(self, request: Request) -> Reply:
        """Answer as the trigger of a workflow."""
        if request.method != "POST" or request.raw_path != PATH:
            return _error(401, "DirectApiAuthorizationRequired", "The request must be authenticated.")
        if len(request.body) > MAX_BYTES:
            return _error(413, "RequestEntityTooLarge", "The message is larger than 28 KB.")
        cards = _cards(request)
        if not cards:
            return _error(400, "TriggerInputSchemaMismatch", "The input body has no array of adaptive cards.")
        with self._lock:
            self._cards.extend(cards)
        return Reply(202)


def _cards(request: Request) -> list[dict[str, Any]]:
    try:
        message = request.json()
    except ValueError:
        return []
    attachments = message.get("attachments") if isinstance(message, dict) and message.get("type") == "message" else None
    return [one["content"] for one in attachments or [] if one.get("contentType") == CARD]


def _error(status: int, code: str, message: str) -> Reply:
    return Reply.of_json({"error": {"code": code, "message": message}}, status)
