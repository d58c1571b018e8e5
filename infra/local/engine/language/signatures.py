"""Signatures of the standard library's functions: what the checks need to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Signature:
    """The parameters in order, the number of required ones, and whether the function blocks."""

    parameters: tuple[str, ...]
    required: int
    is_blocking: bool = False


Signatures: TypeAlias = Mapping[str, Signature]
Connectors: TypeAlias = Callable[[str], bool]
"""Whether a name is a connector's; its arguments belong to a Google API and are not checked."""
