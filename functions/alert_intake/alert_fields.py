"""Read single fields of a webhook: texts, times, numbers, addresses; cleaned, redacted and bounded. Pure."""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from shared.redaction import redact, redact_json

_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?([Zz]|[+-]\d\d:?\d\d)")
_VALUE_NAME = re.compile(r"\b(?:var|metric)='([^']{1,100})'")
_VALUE = re.compile(r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d{1,3})?", re.IGNORECASE)


def moment_of(value: object) -> datetime | None:
    """
    Return a time in UTC, read as RFC 3339 or as Go prints it; None when absent, unreadable or Go's zero time.

    Go prints `2026-05-27 15:36:00.112013015 +0000 UTC m=+8560.28`; its zero time `0001-01-01T00:00:00Z` is "not yet".
    """
    match = _MOMENT.match(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, time, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else f"{zone[:3]}:{zone[-2:]}"
    try:
        moment = datetime.fromisoformat(f"{day}T{time}.{(fraction or '0')[:6]:0<6}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment.year > 1970 else None


def text_of(value: object, limit: int) -> str:
    """Return `value` as text of at most `limit` characters, without secrets or control characters but line breaks."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    # A lone surrogate can be read from JSON, but not written as UTF-8.
    # Redact before truncating: half a secret does not look like one.
    text = redact(text)[: limit * 2].encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()[:limit]


def line_of(value: object, limit: int) -> str:
    """Return `value` as text of at most `limit` characters in one line."""
    return " ".join(text_of(value, limit).split())


def texts_of(pairs: Mapping[str, Any], budget_bytes: int, max_count: int) -> dict[str, str]:
    """Return names and values as clean texts: at most `max_count`, truncated, within a budget of JSON bytes."""
    texts: dict[str, str] = {}
    for name, value in pairs.items():
        key, text = _pair(name, value) if isinstance(value, str) else _cleaned(name, value)
        budget_bytes -= len(json.dumps([key, text], ensure_ascii=False).encode())
        if len(texts) < max_count and budget_bytes >= 0 and key:
            texts[key] = text
    return texts


def _cleaned(name: str, value: object) -> tuple[str, str]:
    return text_of(name, 100), text_of(object_of(redact_json({name: value})).get(name), 500)


@lru_cache(1_000)
def _pair(name: str, value: str) -> tuple[str, str]:
    """Clean once per pair: the alerts of one body share most labels, and looking for secrets is slow."""
    return _cleaned(name, value)


def number_of(value: object) -> float | None:
    """Return a finite number, or None for anything else: JSON has no NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def url_of(value: object) -> str:
    """Return a web address; empty when it is not one or is over 2000 characters, as part of one is useless."""
    text = text_of(value, 2001)
    return text if text.startswith(("http://", "https://")) and len(text) <= 2000 else ""


def object_of(value: object) -> dict[str, Any]:
    """Return `value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def values_in(value_string: str) -> dict[str, float]:
    """
    Return the values in Grafana's `valueString`, by name: `[ var='B' labels={job=x} value=17 ], [ var='C' … ]`.

    Older versions send no `values`. The first of a name counts.
    """
    values: dict[str, float] = {}
    for part in value_string.split(" ], ["):
        name, value = _VALUE_NAME.search(part), part.rpartition(" value=")[2].removesuffix("]").strip()
        if name and _VALUE.fullmatch(value):
            values.setdefault(name[1], float(value))
    return values
