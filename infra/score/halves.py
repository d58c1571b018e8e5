"""Two halves of the known incidents: thresholds may be chosen on one, and are reported on the other alone."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Half = Literal["tuned on", "reported on"]


def half_of(name: str) -> Half:
    """Return the half of an incident by a hash of its name, so that a new incident moves none of the others."""
    return "tuned on" if hashlib.sha256(name.encode()).digest()[-1] % 2 else "reported on"


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    right: int
    total: int

    def __str__(self) -> str:
        return f"{self.right}/{self.total} {self.right / self.total:.0%}" if self.total else "-"


@dataclass(frozen=True)
class Shares:
    """A share over all incidents and over each half."""

    overall: Share
    tuned_on: Share
    reported_on: Share

    @property
    def cells(self) -> tuple[str, str, str]:
        """The three shares as texts for a table."""
        return str(self.overall), str(self.tuned_on), str(self.reported_on)


def shares(outcomes: Iterable[tuple[Half, bool]]) -> Shares:
    """Return the shares of what was right; each outcome names its half."""
    listed = list(outcomes)
    return Shares(
        _share([right for _, right in listed]),
        _share([right for half, right in listed if half == "tuned on"]),
        _share([right for half, right in listed if half == "reported on"]),
    )


def _share(outcomes: list[bool]) -> Share:
    return Share(sum(outcomes), len(outcomes))
