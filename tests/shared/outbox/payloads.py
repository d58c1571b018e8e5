"""What the hooks of the tests post."""

from typing import Any

PAYLOAD: dict[str, Any] = {
    "incident_id": "inc-000001",
    "invocation_id": "inc-000001",
    "kind": "full",
    "service_name": "billing-worker",
    "severity": "high",
    "incident_type": "code_issue",
    "headline": "Invoices <!channel> & more fail",
    "since": "2026-03-14T02:44:42+00:00",
    "most_likely_cause": "A removed guard",
    "recommended_action": "Roll back",
    "pr_url": "https://github.com/example/billing/pull/412",
    "failures": [{"step": "rca", "error_type": "BadAnswer", "message": "cut"}],
    "incident": {"severity": "high"},
}
HOSTILE = "x <!channel> @here <https://evil.example|Runbook> [a](https://evil.example)\n*Do now:* `rm -rf /`"
OTHERS_WRITE = ("headline", "title", "most_likely_cause", "recommended_action", "service_name")
"""Fields whose text a log line, a commit or a model may have written."""


def huge() -> dict[str, Any]:
    """Return a payload with every text far over every limit, in characters that grow when they are escaped."""
    words = "<\u202e&é\U0001f525" * 4_000
    texts = dict.fromkeys((*OTHERS_WRITE, "alert_name", "impact"), words)
    failures = [{"step": words[:200], "error_type": "Refused", "message": words[:2_000]}] * 60
    return {**PAYLOAD, **texts, "failures": failures}
