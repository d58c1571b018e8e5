"""Write facts into a prompt: only what carries meaning, in few tokens, fenced as evidence."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shared.redaction.masking import Redactor

# Useful only to people and code; a model would only be tempted to repeat an address.
_LEFT_OUT = {
    "link", "query", "url", "generator_url", "silence_url", "dashboard_url", "fingerprint", "incident_id", "user_id",
    "log_query_used", "failed_requests", "received_at", "lookup_window_s", "needs_response", "looks_like_regression",
    "has_patch", "title", "commands", "ranking", "rollback_plan", "measured_series", "failing_line",
}  # fmt: skip
_RENAMED = {"subject": "message"}
"""In many logs `subject` is a person, so its value would be masked as a name."""
_CONSONANTS = "bcdfghjklmnpqrstvwxz"
"""Without vowels, so that they make no word."""
_MAX_ITEMS = {"patterns": 8, "error_types": 5, "warning_types": 4, "stack_traces": 4}
"""Lists are sorted best first and later items add little: a flood of logs must not make the prompt longer."""


class PromptEvidence:
    """Fence all evidence in one question with marks that hold a random value, so no text from a log can close them."""

    def __init__(self, redactor: Redactor) -> None:
        # Letters alone: sixteen digits can be a card number, and redaction would cut the mark.
        self._nonce = "".join(secrets.choice(_CONSONANTS) for _ in range(14))
        self._redactor = redactor

    def facts(self, facts: Mapping[str, BaseModel | None]) -> dict[str, str]:
        """Return each fact as fenced JSON, with secrets redacted and names masked."""
        return {name: self.around(name, self._body(fact)) for name, fact in facts.items()}

    def around(self, name: str, body: str) -> str:
        """Return `body`, already redacted, between this question's marks."""
        return f"<{name} untrusted={self._nonce}>\n{body}\n</{name} untrusted={self._nonce}>"

    def _body(self, fact: BaseModel | None) -> str:
        if fact is None:
            return "not available"
        body = self._redactor.hide_json(reduced(fact))
        return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def reduced(fact: BaseModel) -> Any:
    """Return what a prompt shows of a fact, as JSON with its secrets: claims are checked against the same."""
    return _without_noise(fact.model_dump(mode="json", exclude_none=True))


def _shortened(name: str, item: Any) -> Any:
    if name == "frames":
        # The text of the stack trace is in the evidence.
        return [frame for frame in item if frame.get("in_app")]
    if isinstance(item, dict):
        return dict(list(item.items())[: _MAX_ITEMS.get(name)])
    return item[: _MAX_ITEMS.get(name)] if isinstance(item, list) else item


def _without_noise(value: Any) -> Any:
    if isinstance(value, dict):
        items = {
            _RENAMED.get(name, name): _without_noise(_shortened(name, item))
            for name, item in value.items()
            if name not in _LEFT_OUT and not (name == "exemplar" and value.get("evidence_id"))
        }
        return {name: item for name, item in items.items() if item not in ("", [], {})}
    if isinstance(value, list):
        return [_without_noise(item) for item in value]
    return value
