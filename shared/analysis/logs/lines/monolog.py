"""Exceptions that PHP's Monolog writes as JSON: https://github.com/Seldaek/monolog, NormalizerFormatter."""

import re
from collections.abc import Mapping
from typing import cast

MAX_PREVIOUS = 5
PLACE = re.compile(r"^(?P<path>.+):(?P<line>\d+)$")


def monolog_trace(fields: Mapping[str, object]) -> str:
    """Return the exception in the context of an entry as Monolog writes it in a line of text; else an empty text."""
    context = fields.get("context")
    value = cast("dict[str, object]", context).get("exception") if isinstance(context, dict) else None
    written: list[str] = []
    while isinstance(value, dict) and len(written) < MAX_PREVIOUS:
        exception = cast("dict[str, object]", value)
        type_, place = exception.get("class"), exception.get("file")
        if not isinstance(type_, str) or not isinstance(place, str):
            break
        written.append(f"[object] ({type_}(code: 0): {exception.get('message', '')} at {place}){_frames(exception)}")
        value = exception.get("previous")
    return "\n" + "\n[previous exception] ".join(written) if written else ""


def _frames(exception: Mapping[str, object]) -> str:
    trace = exception.get("trace")
    places = [PLACE.match(each) for each in cast("list[object]", trace) if isinstance(each, str)] if trace else []
    called = [f"#{number} {one['path']}({one['line']}): " for number, one in enumerate(filter(None, places))]
    return "\n".join(["\n[stacktrace]", *called]) if called else ""
