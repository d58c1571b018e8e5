"""How far a confidence can be believed: what was claimed, beside how often it was right."""

from collections.abc import Sequence
from dataclasses import dataclass

BINS = 10

Claims = Sequence[tuple[float, bool]]
"""How sure a claim was, from 0 to 1, and whether it was right."""


@dataclass(frozen=True)
class Bin:
    """Claims that were about as sure: from `low` to `low` + 1/BINS."""

    low: float
    count: int
    claimed: float
    right: float


@dataclass(frozen=True)
class Calibration:
    """
    What claims were worth.

    `brier` is the mean square of confidence less truth; `constant` is that of always claiming the mean, `error` the
    mean distance of claimed and right over the bins, weighed by their counts.
    """

    count: int
    brier: float
    constant: float
    error: float
    bins: tuple[Bin, ...]

    @property
    def better(self) -> float:
        """By what share the Brier score is below the constant's; negative when it is above."""
        return 1 - self.brier / self.constant if self.constant else 0.0


def calibration(claims: Claims) -> Calibration:
    """Return what claims were worth; of none all is 0."""
    if not claims:
        return Calibration(0, 0.0, 0.0, 0.0, ())
    base = _mean([float(right) for _, right in claims])
    brier = _mean([(sure - right) ** 2 for sure, right in claims])
    constant = _mean([(base - right) ** 2 for _, right in claims])
    bins = [each for number in range(BINS) if (each := _bin(claims, number)) is not None]
    error = sum(each.count * abs(each.claimed - each.right) for each in bins) / len(claims)
    return Calibration(len(claims), brier, constant, error, tuple(bins))


def _bin(claims: Claims, number: int) -> Bin | None:
    inside = [(sure, right) for sure, right in claims if min(int(sure * BINS), BINS - 1) == number]
    if not inside:
        return None
    claimed, right = _mean([sure for sure, _ in inside]), _mean([float(right) for _, right in inside])
    return Bin(number / BINS, len(inside), claimed, right)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
