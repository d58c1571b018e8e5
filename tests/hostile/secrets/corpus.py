"""The lines that redaction is measured on: secrets and look-alikes, a first set in two halves, and two more sets."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Literal

from tests.hostile.secrets.values import Line, Values

_HERE = Path(__file__).parent
_SIGNS = str.maketrans({"⏎": "\n", "␍": "\r", "⇥": "\t"})
Later = Literal["second", "third"]
TIMES = 2
"""Lines of each kind of secret in the first set, each with other values."""


def secret_lines(seed: int, *, half: int | None = None) -> list[Line]:
    """Return lines of the first set that hold secrets, or those of one half."""
    values = Values(seed)
    lines = [values.line(kind, template) for kind, template in _styles("secrets.txt") for _ in range(TIMES)]
    return _of_half(lines, half)


def lookalike_lines(seed: int, *, half: int | None = None) -> list[Line]:
    """Return the look-alikes of the first set, or those of one half."""
    return _of_half(_lookalikes("lookalikes.txt", seed), half)


def later_secret_lines(number: Later, seed: int) -> list[Line]:
    """Return the lines of the second or third set that hold secrets."""
    values = Values(seed)
    return [values.line(kind, template) for kind, template in _styles(f"secrets_{number}.txt")]


def later_lookalike_lines(number: Later, seed: int) -> list[Line]:
    """Return the look-alikes of the second or third set."""
    return _lookalikes(f"lookalikes_{number}.txt", seed)


def is_leaked(secret: str, text: str) -> bool:
    """Whether half of the secret or more stands in the text, and six characters of it at least."""
    size = min(len(secret), max(6, len(secret) // 2))
    return any(secret[start : start + size] in text for start in range(len(secret) - size + 1))


def _lookalikes(name: str, seed: int) -> list[Line]:
    values = Values(seed)
    return [values.line(template, template.translate(_SIGNS)) for template in _read(name)]


def _styles(name: str) -> list[tuple[str, str]]:
    """Return kinds and templates of a file."""
    pairs = [line.split(" | ", 1) for line in _read(name)]
    return [(kind, template.translate(_SIGNS)) for kind, template in pairs]


@cache
def _read(name: str) -> tuple[str, ...]:
    lines = (_HERE / name).read_text("utf-8").split("\n")
    return tuple(line for line in lines if line and not line.startswith("# "))


def _of_half(lines: Sequence[Line], half: int | None) -> list[Line]:
    """Return the lines of kinds that belong to a half: rules are chosen on half 0 and reported on half 1."""
    return [line for line in lines if half is None or hashlib.sha256(line.kind.encode()).digest()[0] % 2 == half]
