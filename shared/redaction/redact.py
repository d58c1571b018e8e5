"""Removes secrets from texts for good; the placeholder names their kind, `[cut: <kind>]`."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise

from shared import json_text
from shared.redaction import decoded_views, secret_names, secrets_by_key, secrets_in_prose, secrets_in_sql
from shared.redaction.decoded_views import BORDER, FILLER, View
from shared.redaction.patterns import Pattern
from shared.redaction.rules import RedactionRule, Secret, Text, filled, placeholder
from shared.redaction.secrets_by_context import CONTEXTS, PEOPLE
from shared.redaction.secrets_by_format import TOKENS
from shared.redaction.secrets_in_prose import IN_PROSE
from shared.redaction.secrets_in_sql import STATEMENTS

CREDENTIALS = (*TOKENS, *CONTEXTS, *STATEMENTS, *IN_PROSE)
RULES = (*CREDENTIALS, *PEOPLE)
"""Secrets with a format of their own before those known by their context: of two at one place the first names it."""

KEY_LINES = 200
"""Maximum lines of one private key when each line was logged separately; an RSA key of 8,192 bits takes 100."""

MAX_PASSES = 4
"""Over one text: without a secret one is enough, and a second proves that nothing is left after the first."""

_LINES_SEARCHED = 100
_CHARS_SEARCHED = 65_536
"""At once: most kinds occur in none of a hundred lines, and one search of them all is cheaper than one of each."""

_KEY_STARTS = Pattern(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_LINE = Pattern(r"(?:^|(?<=\s))[A-Za-z0-9+/]{16,}={0,2}\s*$")
_SHORT_KEY_LINE = Pattern(r"^\s*[A-Za-z0-9+/]{1,76}={0,2}\s*$")
_OPEN_END = Pattern(r"[^\s.,;)}\]]\s*$")
_CONTINUES = Pattern(
    r"\s*[\"']?(?:value[\"']?\s*[:=]|string\(\d|(?:=>|[:=])\s*[\"']?\w)"
    r"|[\"']?(?!\w+://|\d{4}-\d\d|\d\d:\d\d|\d{1,3}(?:\.\d|\s|$)|[A-Z]\d{4}\s)(?=[^\s\"'`,;(){}\[\]]*(?:\d|[a-z][A-Z]))"
    r"[^\s\"'`,;(){}\[\]]{3,}"
)
"""How the rest of a value starts: no word, time or level, which start an entry of its own."""


_SHORT, _REMEMBERED = 1_000, 256
"""
Characters of a text that is redacted once and remembered, as most leave by several exits, and how many such texts.

A step has about a hundred, which leave again within its second; thousands would only hold memory.
"""


def redact(text: str) -> str:
    """
    Return `text` with every secret in it replaced by `[cut: <kind>]`; a placeholder stays as it is.

    Takes time linear in the length of `text`, for any text.
    """
    return _redact_once(text) if len(text) <= _SHORT else _redact(text, RULES)


@lru_cache(_REMEMBERED)
def _redact_once(text: str) -> str:
    return _redact(text, RULES)


def redact_json(value: object) -> object:
    """Return a JSON value with every text redacted; a text under a name like `password` is redacted whole."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return _named_values(
            {_key(key): secrets_by_key.redact_value(str(key), redact_json(item)) for key, item in value.items()}
        )
    if isinstance(value, list | tuple):
        return [redact_json(item) for item in value]
    return value


def redact_json_text(text: str) -> str:
    """Return the text of a JSON value redacted; it is JSON afterwards too."""
    if redact(text) == text:
        return text
    try:
        value = json_text.parsed(text)
    except ValueError:
        return redact(text)
    return redact(json.dumps(redact_json(value), ensure_ascii=False))


def redact_lines(texts: Sequence[str]) -> list[str]:
    """
    Return the entries of one log redacted, in order.

    A private key logged line by line is redacted as one, and so is a value whose rest stands in the next entry.
    """
    lines = list(texts)
    for start, text in enumerate(texts):
        key_start = _KEY_STARTS.search(text) if "PRIVATE KEY" in text else None
        if key_start and "-----END" not in text[key_start.end() :]:
            _redact_key_lines(lines, start + 1)
    for start, end in _batches(lines):
        _redact_batch(lines, start, end, MAX_PASSES)
    return lines


def holds_credentials(text: str) -> bool:
    """Whether `text` holds a secret that grants access; personal numbers and addresses do not."""
    return bool(_secrets(filled(text), CREDENTIALS))


def _redact(text: str, rules: Sequence[RedactionRule]) -> str:
    for _ in range(MAX_PASSES):
        secrets = _secrets(filled(text), rules)
        if not secrets:
            break
        text = _replaced(text, secrets)
    return text


def _batches(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield start and end of parts of the log; each part starts with the last line of the one before."""
    start = 0
    while start < len(lines):
        end, size = start, 0
        while end < len(lines) and end - start < _LINES_SEARCHED and size < _CHARS_SEARCHED:
            size += len(lines[end])
            end += 1
        yield start, end
        start = end if end == len(lines) or end - start == 1 else end - 1


def _redact_batch(lines: list[str], start: int, end: int, passes: int) -> None:
    """Redact these lines in place, and those that changed once more with the lines around them."""
    text = BORDER.join(filled(line) for line in lines[start:end])
    secrets = _secrets(text, RULES)
    if not secrets:
        return
    changed = _replace_in_lines(lines, start, text, secrets)
    for first, last in _spans(changed, start, end) if passes > 1 else ():
        _redact_batch(lines, first, last, passes - 1)


def _replace_in_lines(lines: list[str], start: int, text: str, secrets: Sequence[Secret]) -> list[int]:
    """Replace secrets of the joined text in the lines that it is joined from; return the numbers of these lines."""
    bounds = list(decoded_views.entries(text))
    starts = [entry_start for entry_start, _ in bounds]
    by_line: dict[int, list[Secret]] = {}
    for secret in secrets:
        first, last = bisect_right(starts, secret.start) - 1, bisect_right(starts, secret.end - 1) - 1
        for number in range(first, last + 1):
            entry_start, entry_end = bounds[number]
            inside = max(secret.start, entry_start) - entry_start, min(secret.end, entry_end) - entry_start
            if inside[0] < inside[1]:
                by_line.setdefault(start + number, []).append(Secret(*inside, secret.kind))
    for number, inside_line in by_line.items():
        lines[number] = _replaced(lines[number], inside_line)
    return sorted(by_line)


def _spans(numbers: Sequence[int], start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of the lines of these numbers and those next to them, runs of them as one."""
    first = last = -1
    for number in numbers:
        if first >= 0 and number > last:
            yield first, last
            first = -1
        first = max(number - 1, start) if first < 0 else first
        last = min(number + 2, end)
    if first >= 0:
        yield first, last


def _secrets(text: str, rules: Sequence[RedactionRule]) -> list[Secret]:
    """Return the secrets of a filled text in every view of it, left to right, none overlapping another."""
    secrets: list[Secret] = []
    for view in _views(text):
        for secret in _visible(view, rules):
            if view.text[secret.start : secret.end].replace(FILLER, "").strip():
                secrets.append(Secret(*view.source(secret.start, secret.end), secret.kind))
    return _merged(secrets) if secrets else secrets


def _views(text: str) -> Iterator[View]:
    yield from decoded_views.views(View(text))
    if BORDER in text and (borders := _continued(text)):
        yield from decoded_views.views(decoded_views.joined(text, borders))


def _continued(text: str) -> list[int]:
    """Return the borders over which a value may go on: its start at the end of an entry, its rest in the next."""
    bounds = list(decoded_views.entries(text))
    return [
        end
        for (start, end), (after, _) in pairwise(bounds)
        if _CONTINUES.match(text, after) and _OPEN_END.search(text, max(start, end - 8), end)
    ]


def _visible(view: View, rules: Sequence[RedactionRule]) -> Iterator[Secret]:
    """Yield the secrets that stand in a view, those of an earlier rule first."""
    text, words, runs = Text(view.text), view.words.lower(), view.runs.lower()
    for rule in rules:
        if rule.may_match(runs if rule.is_run else words):
            yield from rule.secrets(text)
    if names := secret_names.names(text, words):
        yield from secrets_by_key.secrets(text, names)
        yield from secrets_in_sql.secrets(text, names)
        yield from secrets_in_prose.secrets(text, names)


def _merged(secrets: list[Secret]) -> list[Secret]:
    """Return the secrets left to right, those that overlap as one of the kind that has the most of it."""
    merged: list[Secret] = []
    size_of_kind = 0
    for secret in sorted(secrets, key=lambda one: one.start):
        size = secret.end - secret.start
        if merged and secret.start < merged[-1].end:
            kind = secret.kind if size > size_of_kind else merged[-1].kind
            merged[-1] = Secret(merged[-1].start, max(merged[-1].end, secret.end), kind)
            size_of_kind = max(size_of_kind, size)
        else:
            merged.append(secret)
            size_of_kind = size
    return merged


def _replaced(text: str, secrets: Sequence[Secret]) -> str:
    pieces, done = [], 0
    for secret in secrets:
        pieces += [text[done : secret.start], placeholder(secret.kind)]
        done = secret.end
    return "".join([*pieces, text[done:]])


def _redact_key_lines(texts: list[str], start: int) -> None:
    """Redact what looks like a key's body in the lines from `start` on, up to its end."""
    last = min(start + KEY_LINES, len(texts))
    end = next((number for number in range(start, last) if "-----END" in texts[number]), None)
    body = _KEY_LINE if end is None else _SHORT_KEY_LINE
    for number in range(start, last if end is None else end):
        texts[number] = _KEY_LINE.sub(placeholder("private key"), texts[number])
        texts[number] = body.sub(placeholder("private key"), texts[number])


def _key(key: object) -> object:
    return redact(key) if isinstance(key, str) else key


def _named_values(fields: dict[object, object]) -> dict[object, object]:
    """Return the fields with the value redacted that another field names: `{"name": "DB_PASSWORD", "value": …}`."""
    names = [value for key, value in fields.items() if str(key).lower() in ("name", "key") and isinstance(value, str)]
    if len(names) != 1:
        return fields
    return {
        key: secrets_by_key.redact_value(names[0], value) if str(key).lower() == "value" else value
        for key, value in fields.items()
    }
