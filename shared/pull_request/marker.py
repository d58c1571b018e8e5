"""The machine-readable block in the body of a pull request, for tools; it proves nothing about its author."""

import json
import re
from collections.abc import Mapping

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
_ACTS = re.compile(r"[^\w\s./:\"\\-]|(?<=-)-|(?<=:)/|(?i:(?<=GH))-")


def block(incident_id: str, facts: Mapping[str, object]) -> str:
    """Return an HTML comment that holds the facts as JSON and starts with `marker(incident_id)`."""
    text = json.dumps({"incident_id": incident_id, **facts}, separators=(",", ":"))
    # A squash commit takes the body over, comment and all: there a text could mention, close or skip. `--` or `>` could
    # end the comment. JSON can write each as an escape.
    text = _TEXT.sub(lambda part: _ACTS.sub(lambda char: f"\\u{ord(char[0]):04x}", part[0]), text)
    return f"<!-- incident-copilot {text} -->"


def marker(incident_id: str) -> str:
    """Return the start of an incident's block."""
    return f'<!-- incident-copilot {{"incident_id":"{incident_id}"'
