"""Which setting a message says is missing."""

import re

_SETTINGS = (
    re.compile(r"\b(?:[A-Z][A-Z0-9]*_)+[A-Z0-9]+\b"),
    re.compile(
        r"(?i)\b(?:placeholder|key|variable|property|option|setting|secret|configmap|flag)s?:? ['\"`$({]{0,3}"
        r"(?P<name>[\w-]+(?:[./-][\w-]+)*)(?=['\"`)}]|\s(?:in|is|was|are|not|missing|required)\b)"
    ),
)
"""As the environment names them, else the name after what it is called."""


def setting_of(text: str) -> str:
    """Return the name of the setting that a message says is missing; an empty text when it names none."""
    matches = (match for pattern in _SETTINGS if (match := pattern.search(text)))
    return next((match.groupdict().get("name") or match[0] for match in matches), "")
