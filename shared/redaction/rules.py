"""The shape of a rule.

Each pattern starts with letters of its own or behind a look-behind that keeps it from starting inside a run it has
tried before, and repeats possessively or up to a bound: so no text makes it slow.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class RedactionRule:
    """One kind of secret: its `shape` has a group `secret`; it is tried where one of `hints` (lower case) occurs."""

    kind: str
    hints: tuple[str, ...]
    shape: str
    is_secret: Callable[[str], bool] | None = None
    flags: re.RegexFlag = re.NOFLAG

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """The shape, compiled when it is first needed: most kinds never occur, and cold starts are short."""
        return re.compile(self.shape, self.flags)


def token(kind: str, hints: str, *shapes: str) -> RedactionRule:
    """Return the rule of a token that stands alone and starts with letters of its own; `hints` are parted by spaces."""
    shape = rf"(?<![A-Za-z0-9_-])(?P<secret>{'|'.join(shapes)})(?![A-Za-z0-9])"
    return RedactionRule(kind, tuple(hints.split()), shape)


def after(
    kind: str, hints: tuple[str, ...], shape: str, is_secret: Callable[[str], bool] | None = None
) -> RedactionRule:
    """Return the rule of a secret that is known by what stands before it, in any case of letters."""
    return RedactionRule(kind, hints, shape, is_secret, re.IGNORECASE)
