"""What a function of the standard library is called with: all that checking a source needs to know of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Signature:
    """The parameters in order, how many must be given, and whether the function waits for something outside."""

    parameters: tuple[str, ...]
    required: int
    is_blocking: bool = False


Signatures: TypeAlias = Mapping[str, Signature]
Connectors: TypeAlias = Callable[[str], bool]
"""Tells whether a name is a connector's, whose arguments are those of a Google API and not checked."""
