"""
The last message: what goes out when the brief cannot be made.

It is made by code that depends on no content, so that no text and no bug elsewhere can stop it: plain ASCII, one mail
and one call of the hook, with the keys of the brief, so that the two are never both sent.
"""

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from shared.bounds import clip
from shared.outbox.port import Mail
from shared.text.harmless import defanged

_OTHER = re.compile(r"[^\x20-\x7e]|=\?")
NAME_CHARS = 120
REASON_CHARS = 500


def brief_message_id(incident_id: str) -> str:
    """Return the Message-ID of an incident's brief, by which a mail program recognises a repeat."""
    return f"<{incident_id}.brief@incident-copilot>"


def answering_subject(subject: str, otherwise: str) -> str:
    """Return the subject of a mail in a thread: mail programs make one thread of what has one subject."""
    return f"Re: {subject}" if subject else otherwise


def early_message_id(incident_id: str) -> str:
    """Return the Message-ID of an incident's early brief, which the brief answers."""
    return f"<{incident_id}.early@incident-copilot>"


@dataclass(frozen=True)
class LastMessage:
    """Which incident has no brief, and why; `since` is when it began, RFC 3339."""

    incident_id: str
    service_name: str
    alert_name: str
    reason: str
    since: str

    @property
    def headline(self) -> str:
        """One line: the alert is real, the analysis is missing."""
        rule = f" ({_plain(self.alert_name, NAME_CHARS)})" if self.alert_name else ""
        return f"An alert fires{rule} and its brief could not be sent"

    def mail(self, to: tuple[str, ...]) -> Mail:
        """Return it as a mail."""
        service, lines = _plain(self.service_name, NAME_CHARS), [f"{self.headline}.", ""]
        facts = {
            "Service": self.service_name,
            "Alert rule": self.alert_name or "not named",
            "Since": self.since,
            "Incident": self.incident_id,
            "What failed": self.reason,
        }
        lines += [f"{name}: {_plain(value, REASON_CHARS)}" for name, value in facts.items()]
        lines += ["", "Look at the service yourself now. What was read until then is in the trace of the incident.", ""]
        text = "\n".join(lines)
        html = f"<html><body><pre>{escape(text)}</pre></body></html>"
        return Mail(to, f"[unknown] {service}: {self.headline}", html, text, brief_message_id(self.incident_id))

    def payload(self) -> dict[str, Any]:
        """Return it as other systems receive it: the fields of every outcome."""
        return {
            "incident_id": self.incident_id,
            "invocation_id": self.incident_id,
            "kind": "degraded",
            "service_name": _plain(self.service_name, NAME_CHARS),
            "alert_name": _plain(self.alert_name, NAME_CHARS),
            "severity": "unknown",
            "incident_type": "unknown",
            "headline": self.headline,
            "since": self.since,
            "most_likely_cause": "",
            "confidence": None,
            "recommended_action": "Look at the service yourself now.",
            "pr_url": None,
            "failures": [{"step": "post_process", "error_type": "", "message": _plain(self.reason, REASON_CHARS)}],
            "incident": None,
        }


def _plain(text: str, chars: int) -> str:
    return clip(_OTHER.sub("?", defanged(text)), chars, "...")
