"""The machine-readable block in the body of a pull request: by it Incident CoPilot recognises its own."""

import json
import re
from collections.abc import Mapping

_BLOCK = re.compile(r"<!-- incident-copilot (\{.*?\}) -->", re.DOTALL)


def block(incident_id: str, facts: Mapping[str, object]) -> str:
    """Return an HTML comment that holds the facts as JSON and starts with `marker(incident_id)`."""
    text = json.dumps({"incident_id": incident_id, **facts}, separators=(",", ":"))
    # `--` or `>` could end the HTML comment, and JSON can write both as escapes.
    for char, escape in (("--", r"-\u002d"), (">", r"\u003e")):
        text = text.replace(char, escape)
    return f"<!-- incident-copilot {text} -->"


def marker(incident_id: str) -> str:
    """Return the start of an incident's block."""
    return f'<!-- incident-copilot {{"incident_id":"{incident_id}"'


def incident_of(body: str) -> str | None:
    """Return the incident named by the last block in a body, or None when no block can be read."""
    # Ours is at the end; an earlier one may come from a log line.
    blocks = _BLOCK.findall(body)
    if not blocks:
        return None
    try:
        facts = json.loads(blocks[-1])
    except ValueError:
        return None
    incident_id = facts.get("incident_id")
    return incident_id if isinstance(incident_id, str) else None
