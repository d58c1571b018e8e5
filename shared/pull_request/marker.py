"""The machine-readable block in the body of a pull request: how the house knows its own again."""

import json
import re
from collections.abc import Mapping

_BLOCK = re.compile(r"<!-- incident-copilot (\{.*?\}) -->", re.DOTALL)


def block(incident_id: str, facts: Mapping[str, object]) -> str:
    """Return an HTML comment that holds the facts as JSON and begins with `marker(incident_id)`."""
    written = json.dumps({"incident_id": incident_id, **facts}, separators=(",", ":"))
    # Inside an HTML comment `--` or `>` could end it, and JSON may write both as escapes.
    for char, escape in (("--", r"-\u002d"), (">", r"\u003e")):
        written = written.replace(char, escape)
    return f"<!-- incident-copilot {written} -->"


def marker(incident_id: str) -> str:
    """Return how the block of an incident begins."""
    return f'<!-- incident-copilot {{"incident_id":"{incident_id}"'


def incident_of(body: str) -> str | None:
    """Return the incident named by the last block in a body; none when there is no block that can be read."""
    # Ours stands at the end; one before it may have come with a log line.
    found = _BLOCK.findall(body)
    if not found:
        return None
    try:
        facts = json.loads(found[-1])
    except ValueError:
        return None
    named = facts.get("incident_id")
    return named if isinstance(named, str) else None
