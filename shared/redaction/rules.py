"""What a redaction rule is.

Each pattern starts with fixed letters, or with a look-behind that stops it from starting again inside a run it has
already tried, and repeats possessively or up to a limit: so no text makes it slow.
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
        """The shape, compiled when first needed: most kinds never occur, and this keeps cold starts short."""
        return re.compile(self.shape, self.flags)


def token(kind: str, hints: str, *shapes: str) -> RedactionRule:
    """Return the rule of a separate token that starts with fixed letters; `hints` are separated by spaces."""
    shape = rf"(?<![A-Za-z0-9_-])(?P<secret>{'|'.join(shapes)})(?![A-Za-z0-9])"
    return RedactionRule(kind, tuple(hints.split()), shape)


def after(
    kind: str, hints: tuple[str, ...], shape: str, is_secret: Callable[[str], bool] | None = None
) -> RedactionRule:
    """Return the rule of a secret that is known by the text before it, in upper or lower case."""
    return RedactionRule(kind, hints, shape, is_secret, re.IGNORECASE)
