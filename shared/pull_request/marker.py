"""The machine-readable block in the body of a pull request, for tools; it proves nothing about its author."""

import json
from collections.abc import Mapping


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
