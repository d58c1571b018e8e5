"""The shape of a rule.

Each pattern starts with letters of its own or behind a look-behind that keeps it from starting inside a run it has
tried before, and repeats possessively or up to a bound: so no text makes it slow.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """One kind of secret: its `pattern` has a group `secret`; it is tried where one of `hints` (lower case) occurs."""

    kind: str
    hints: tuple[str, ...]
    pattern: re.Pattern[str]
    is_secret: Callable[[str], bool] | None = None


def token(kind: str, hints: str, *shapes: str) -> Rule:
    """Return the rule of a token that stands alone and starts with letters of its own; `hints` are parted by spaces."""
    pattern = rf"(?<![A-Za-z0-9_-])(?P<secret>{'|'.join(shapes)})(?![A-Za-z0-9])"
    return Rule(kind, tuple(hints.split()), re.compile(pattern))


def after(kind: str, hints: tuple[str, ...], pattern: str, is_secret: Callable[[str], bool] | None = None) -> Rule:
    """Return the rule of a secret that is known by what stands before it, in any case of letters."""
    return Rule(kind, hints, re.compile(pattern, re.IGNORECASE), is_secret)
