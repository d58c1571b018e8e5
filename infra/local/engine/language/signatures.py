"""What a function of the standard library is called with: all that checking a source needs to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Signature:
    """The parameters in order, how many must be given, and whether the function waits for something outside."""

    parameters: tuple[str, ...]
    required: int
    is_blocking: bool = False


Signatures: TypeAlias = Mapping[str, Signature]
