"""The result of a rule for one line."""

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """A rule broken at a line, counted from 1, 0 for the whole file; a warning does not fail the check."""

    line: int
    message: str
    is_warning: bool = False

    def __str__(self) -> str:
        return f"{self.line}: {'warning: ' if self.is_warning else ''}{self.message}"
