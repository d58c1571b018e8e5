"""Where two answers of a step differ, leaf by leaf."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.bounds import Contract, clip

MAX_SHOWN = 40
MAX_CHARS = 300
ABSENT = "(nothing)"
_LOOPBACK = re.compile(r"(https?://127\.0\.0\.1):\d+")
_NO_ANSWER = ("produced_by",)
"""Says who answered, which stands above the differences."""


@dataclass(frozen=True)
class Difference:
    """One place of an answer, before and after."""

    path: str
    before: str
    after: str


def differences(before: Contract | None, after: Contract) -> list[Difference]:
    """Return every place that differs, in the order of the contract; texts in full."""
    old = dict(_leaves(before.model_dump(mode="json"), "")) if before is not None else {}
    new = dict(_leaves(after.model_dump(mode="json"), ""))
    paths = dict.fromkeys([*old, *new])
    pairs = ((path, old.get(path, ABSENT), new.get(path, ABSENT)) for path in paths)
    return [Difference(path, one, other) for path, one, other in pairs if one != other]


def lines(places: list[Difference]) -> list[str]:
    """Return the differences for a terminal, the first of many."""
    if not places:
        return ["  the same answer"]
    text = []
    for each in places[:MAX_SHOWN]:
        text += [f"  {each.path}", f"  - {clip(each.before, MAX_CHARS)}", f"  + {clip(each.after, MAX_CHARS)}"]
    if len(places) > MAX_SHOWN:
        text.append(f"  … {len(places) - MAX_SHOWN} more differences stand in the file")
    return text


def _leaves(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{number}]")
    elif value not in (None, "") and path not in _NO_ANSWER:
        # A sandbox listens on another port each time.
        yield path, _LOOPBACK.sub(r"\1", str(value))
