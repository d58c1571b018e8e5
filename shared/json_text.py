"""JSON of others: what is nested deeper than anything that reads it can follow is no JSON to us."""

import json
from collections.abc import Callable, Iterable
from typing import Any

MAX_DEPTH = 100
"""Values inside values. Every walk over one calls itself per level, and Python allows a thousand calls in all."""

_NESTING = (dict, list)


def parsed(text: str | bytes, on_constant: Callable[[str], Any] | None = None) -> Any:
    """
    Return the value of a JSON text; `on_constant` is called with `NaN`, `Infinity` or `-Infinity`, which are no JSON.

    Raises ValueError (no JSON, not UTF-8, or nested deeper than MAX_DEPTH).
    """
    try:
        value = json.loads(text, parse_constant=on_constant)
    except RecursionError:
        raise ValueError(f"nested deeper than {MAX_DEPTH} values") from None
    level = [value] if isinstance(value, _NESTING) else []
    for _ in range(MAX_DEPTH):
        level = [item for part in level for item in _items(part) if isinstance(item, _NESTING)]
        if not level:
            return value
    raise ValueError(f"nested deeper than {MAX_DEPTH} values")


def _items(value: Any) -> Iterable[Any]:
    """Return what is right inside a list or an object."""
    return value.values() if isinstance(value, dict) else value
