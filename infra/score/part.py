"""What every part of the score has in common: it reads a folder of known incidents and returns tables."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Progress = Callable[[str], None]
"""Receives one line when something long is done."""


@dataclass(frozen=True)
class Options:
    """Where the known incidents are, and the repositories of those that name one; `repos` is None without any."""

    cases: Path
    repos: Path | None = None


@dataclass(frozen=True)
class ScoreTable:
    """One table for people; `note` says how to read it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class PartScore:
    """What one part measured: tables for people, `figures` as JSON for machines."""

    tables: tuple[ScoreTable, ...]
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """One part of the score; `measure` raises Rejected when the folder does not hold its incidents."""

    name: str
    measure: Callable[[Options, Progress], PartScore]
    reads_code: bool = False
