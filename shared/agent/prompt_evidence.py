"""What a model is shown of an answer: what carries meaning, in few tokens, fenced as evidence."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from shared.redaction import Redactor

# Of use to people and code alone; addresses would only tempt a model to repeat them.
_LEFT_OUT = {
    "link", "query", "url", "generator_url", "silence_url", "dashboard_url", "fingerprint", "incident_id", "user_id",
    "log_query_used", "received_at", "lookup_window_s", "needs_response", "looks_like_regression", "has_patch",
}  # fmt: skip
_RENAMED = {"subject": "message"}
"""`subject` is a person's in many logs, and would be masked as one."""
_MAX_ITEMS = {"patterns": 8, "error_types": 5, "warning_types": 4, "stack_traces": 4}
"""Best first, and what comes after says little more: so that a storm of logs asks no more of a model than a shower."""


class PromptEvidence:
    """Marks of one question around everything that is evidence; nobody can guess them, so no text can close them."""

    def __init__(self, redactor: Redactor) -> None:
        self._nonce = secrets.token_hex(8)
        self._redactor = redactor

    def facts(self, facts: Mapping[str, BaseModel | None]) -> dict[str, str]:
        """Return each fact as fenced JSON with secrets cut and names masked."""
        return {name: self.around(name, self._body(fact)) for name, fact in facts.items()}

    def around(self, name: str, body: str) -> str:
        """Return hidden text between this question's marks."""
        return f"<{name} untrusted={self._nonce}>\n{body}\n</{name} untrusted={self._nonce}>"

    def _body(self, fact: BaseModel | None) -> str:
        if fact is None:
            return "not available"
        shown = self._redactor.hide_json(_without_noise(fact.model_dump(mode="json", exclude_none=True)))
        return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _shortened(name: str, item: Any) -> Any:
    if name == "frames":
        # The trace's own text stands in the evidence.
        return [frame for frame in item if frame.get("in_app")]
    if isinstance(item, dict):
        return dict(list(item.items())[: _MAX_ITEMS.get(name)])
    return item[: _MAX_ITEMS.get(name)] if isinstance(item, list) else item


def _without_noise(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {
            _RENAMED.get(name, name): _without_noise(_shortened(name, item))
            for name, item in value.items()
            if name not in _LEFT_OUT and not (name == "exemplar" and value.get("evidence_id"))
        }
        return {name: item for name, item in kept.items() if item not in ("", [], {})}
    if isinstance(value, list):
        return [_without_noise(item) for item in value]
    return value
