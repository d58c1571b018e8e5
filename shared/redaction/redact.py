"""Removes secrets from texts for good; the placeholder names their kind, `[cut: <kind>]`."""

import re
from collections.abc import Sequence

from shared.redaction import secrets_by_key
from shared.redaction.rules import RedactionRule
from shared.redaction.secrets_by_context import CONTEXTS, PEOPLE
from shared.redaction.secrets_by_format import TOKENS
from shared.redaction.secrets_in_prose import IN_PROSE

CREDENTIALS = (*TOKENS, *CONTEXTS, *IN_PROSE)
RULES = (*CREDENTIALS, *PEOPLE)
"""In the order they are applied: secrets with a format of their own before secrets known by their context."""

KEY_LINES = 200
"""Maximum lines of one private key when each line was logged separately; an RSA key of 8,192 bits takes 100."""

# At once, so that no second copy of a whole log is made.
_LINES_SEARCHED = 100

_KEY_STARTS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = re.compile(r"(?:^|(?<=\s))[A-Za-z0-9+/]{16,}={0,2}\s*$")
_SHORT_KEY_LINE = re.compile(r"^\s*[A-Za-z0-9+/]{1,76}={0,2}\s*$")


def redact(text: str) -> str:
    """
    Return `text` with every secret in it replaced by `[cut: <kind>]`; a placeholder stays as it is.

    Takes time linear in the length of `text`, for any text.
    """
    return _redact(text, RULES)


def redact_json(value: object) -> object:
    """Return a JSON value with every text redacted; a text under a name like `password` is redacted whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {_key(key): secrets_by_key.redact_value(str(key), redact_json(item)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_json(item) for item in value]
    return value


def redact_lines(texts: Sequence[str]) -> list[str]:
    """Return the lines of one log redacted, in order; a private key logged line by line is redacted as one."""
    lines = list(texts)
    for start, text in enumerate(texts):
        key_start = _KEY_STARTS.search(text) if "PRIVATE KEY" in text else None
        if key_start and "-----END" not in text[key_start.end() :]:
            _redact_key_lines(lines, start + 1)
    # Most kinds occur in none of a hundred lines, and one search of them all is cheaper than one of each line.
    for start in range(0, len(lines), _LINES_SEARCHED):
        part = lines[start : start + _LINES_SEARCHED]
        rules = _hinted(RULES, "\n".join(part).lower())
        lines[start : start + _LINES_SEARCHED] = [_redact(text, rules) for text in part]
    return lines


def holds_credentials(text: str) -> bool:
    """Whether `text` holds a secret that grants access; personal numbers and addresses do not."""
    return _redact(text, CREDENTIALS) != text


def _redact(text: str, rules: Sequence[RedactionRule]) -> str:
    lowered = text.lower()
    for rule in _hinted(rules, lowered):
        text = _without(rule, text)
    if any(hint in lowered for hint in secrets_by_key.HINTS):
        text = secrets_by_key.redact_values(text)
    return text


def _hinted(rules: Sequence[RedactionRule], lowered: str) -> list[RedactionRule]:
    return [rule for rule in rules if any(hint in lowered for hint in rule.hints)]


def _redact_key_lines(texts: list[str], start: int) -> None:
    """Redact what looks like a key's body in the lines from `start` on, up to its end."""
    last = min(start + KEY_LINES, len(texts))
    end = next((number for number in range(start, last) if "-----END" in texts[number]), None)
    body = _KEY_LINE if end is None else _SHORT_KEY_LINE
    for number in range(start, last if end is None else end):
        texts[number] = _KEY_LINE.sub(_placeholder("private key"), texts[number])
        texts[number] = body.sub(_placeholder("private key"), texts[number])


def _without(rule: RedactionRule, text: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        secret = match["secret"]
        if secret is None or (rule.is_secret is not None and not rule.is_secret(secret)):
            return match[0]
        start, end = match.start("secret") - match.start(), match.end("secret") - match.start()
        return match[0][:start] + _placeholder(rule.kind) + match[0][end:]

    return rule.pattern.sub(replaced, text)


def _placeholder(kind: str) -> str:
    # `cut` stays: stored texts and deployed functions already hold this placeholder.
    return f"[cut: {kind}]"


def _key(key: object) -> object:
    return redact(key) if isinstance(key, str) else key
