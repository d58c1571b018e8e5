"""
Masks the parts of a log line that usually differ from line to line: numbers, ids, addresses, times, paths.

Each word is masked by itself, and once while it is among those used last, because a pattern that looks for everything
at each character of each line would be most of the time that the analysis of logs takes.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from shared.analysis.logs.levels import LEVEL_KEYS, STATUS_KEYS
from shared.analysis.logs.parse import MESSAGE_KEYS, NESTED_KEYS, TRACE_KEYS

WILDCARD = "<*>"
SERVER_ERROR = "5xx"
READ_CHARS = 400
MAX_TOKENS = 60
MAX_CACHED_TOKENS = 20_000

# A response status, where the line shows it is one: after the request, in a column, or in a field of that name.
STATUS = re.compile(
    r"(?P<prefix>HTTP/\d(?:\.\d)?\"?\s+|\b[Ss]tatus(?:[_ ]?[Cc]ode)?[\"']?\s*[=: ]\s*[\"']?|\| "
    r"|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S* )(?P<status>5\d\d)(?![\w.])"
)
MAYBE_STATUS = re.compile(r"5\d\d(?<!\w5\d\d)(?![\w.])")
"""Starts with one character, so that it is searched for in a fraction of the time."""
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
UNIT = r"(?:[kKMGT]i?B|B|[Bb]ytes?|[nuµm]s|s|secs?|seconds?|mins?|minutes?)(?![\w=:])"
VARIABLE = re.compile(
    r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|\b0x[0-9a-fA-F]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{7,64}\b"
    r"|(?<![\w.])/(?:[\w.@%+~=-]+/)+[\w.@%+~=-]*(?:\?\S*)?"
    # A number with its sign and its unit, a date and a time of day are one value each.
    rf"|(?:(?<![\w.)\]])(?:[-+]|[<>~](?=\d+(?:[^\d>]|$))))?\d+(?:[.,:/T-](?:{MONTH}[/-])?\d+)*(?:Z\b)?(?:{UNIT})?"
)
MAY_VARY = re.compile(r"[\d/]")

MONTH_NAME = re.compile(MONTH)
"""In each date."""
DATE = re.compile(
    r"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"
    rf"(?:<\*>,? {MONTH}[a-z]*|\b{MONTH}[a-z]*,? <\*>),? <\*>(?: (?:[A-Z]{{3,4}} )?<\*>)?"
)
# The unit as a word of its own, and the same size once more for people: 1500 bytes (1.5 KB).
SIZE = re.compile(rf"<\*> {UNIT}(?: \(<\*>(?: {UNIT})?\))?")


FIELD = re.compile(r"(?P<name>\W{0,2}(?P<key>[A-Za-z_@][\w.@-]*)=).*?(?P<end>[,;)\]}]*)")
"""A word that is a field with its value, and the punctuation around it."""
QUOTED_FIELD = re.compile(r"(?<![\w.@-])(?P<key>[A-Za-z_@][\w.@-]*)=\"[^\"]* [^\"]*\"")
EVENT_FIELDS = frozenset(
    name.lower()
    for name in [
        *(*MESSAGE_KEYS, *TRACE_KEYS, *NESTED_KEYS, *LEVEL_KEYS, *STATUS_KEYS),
        # As in event.action, event.outcome and error.code of the Elastic Common Schema, and in Kubernetes events.
        *("action", "code", "kind", "outcome", "reason", "result", "type"),
    ]
)
"""Fields, without the names before a dot, whose value says what happened: it is no parameter of the event."""


def masker() -> Callable[[str], str]:
    """Return a function that masks each word of a line, which has single spaces then; its cache is its own."""
    mask_token = lru_cache(maxsize=MAX_CACHED_TOKENS)(_mask_token)

    def mask(line: str) -> str:
        text = line[:READ_CHARS]
        if MAYBE_STATUS.search(text):
            text = STATUS.sub(rf"\g<prefix>{SERVER_ERROR}", text)
        return " ".join(map(mask_token, text.split()[:MAX_TOKENS]))

    return mask


def join_values(masked: str) -> str:
    """Return the masked line with each value of several words as one: dates, sizes with their units, quoted fields."""
    # Most lines hold no date and no quotes, which is seen in a tenth of the time that looking for them takes.
    if MONTH_NAME.search(masked):
        masked = DATE.sub(WILDCARD, masked)
    masked = SIZE.sub(WILDCARD, masked)
    return QUOTED_FIELD.sub(_masked_quoted_field, masked) if '="' in masked else masked


def mask_field(word: str) -> str:
    """Return the word without its value where it is a field whose value is a parameter of the event."""
    field = FIELD.fullmatch(word) if "=" in word else None
    return f"{field['name']}{WILDCARD}{field['end']}" if field and _is_parameter(field["key"]) else word


def _is_parameter(key: str) -> bool:
    return key.lower().rpartition(".")[2] not in EVENT_FIELDS


def _masked_quoted_field(field: re.Match[str]) -> str:
    return f'{field["key"]}="{WILDCARD}"' if _is_parameter(field["key"]) else field[0]


def _mask_token(token: str) -> str:
    if token.isdecimal():
        return WILDCARD
    if not MAY_VARY.search(token):
        return token
    if SERVER_ERROR in token:
        return SERVER_ERROR.join(VARIABLE.sub(WILDCARD, part) for part in token.split(SERVER_ERROR))
    return VARIABLE.sub(WILDCARD, token)
