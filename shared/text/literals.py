"""Text as a literal in a query: the one place that escapes it."""

import json

from shared.errors import Rejected


def quoted(value: str) -> str:
    """
    Return `value` as a string literal for LogQL and PromQL; both use Go's escapes.

    Whatever `value` holds, it stays inside the quotes: JSON's escapes are a subset of Go's.
    Raises Rejected when it is not valid Unicode.
    Source: https://go.dev/ref/spec#String_literals
    """
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Rejected(f"The value {value!r} is not valid Unicode, so no query can contain it") from None
    return json.dumps(value, ensure_ascii=False)
