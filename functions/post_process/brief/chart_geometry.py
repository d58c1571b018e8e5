"""Where everything of a chart is, in pixels: its size, the axes and their ticks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor, log10

from .model import Chart

WIDTH = 1200
"""Twice the width that a mail shows it in, so that phones draw it sharp."""
PLOT_HEIGHT = 300
FONT = 34
"""A phone shows it at a third of its size: text stays readable there."""
LINE_HEIGHT = 46
MARGIN = 24
Y_LABELS = 116
"""Width for numbers of six characters."""
MAX_TIMES, MAX_TIMES_WITH_SECONDS = 8, 6
MAX_STEPS = 4
_SECONDS = (1, 2, 5, 10, 15, 30)
_LONGER = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Scale:
    """How a unit is written on the axis: values times `factor`, in `unit`."""

    factor: float
    unit: str

    def text(self, value: float) -> str:
        """Return a value without its unit."""
        scaled = value * self.factor
        return f"{scaled:,.0f}" if abs(scaled) >= 1000 else f"{scaled:.3g}"

    def amount(self, value: float) -> str:
        """Return a value with its unit."""
        return f"{self.text(value)} {self.unit}".rstrip()


def scale_of(unit: str, highest: float) -> Scale:
    """Return how values up to `highest` are written so that they are short."""
    if unit == "ratio":
        return Scale(100, "%")
    if unit == "s" and 0 < highest < 1:
        return Scale(1000, "ms")
    if unit == "bytes" and highest >= 1024:
        power = min(int(log10(highest) / log10(1024)), 4)
        return Scale(1024**-power, ("", "KiB", "MiB", "GiB", "TiB")[power])
    return Scale(1, unit)


class Geometry:
    """The pixels of one chart."""

    def __init__(self, chart: Chart) -> None:
        self._chart = chart
        self.left, self.right = MARGIN + Y_LABELS, WIDTH - MARGIN
        # One row for the title, one for the threshold, one for each mark: no label meets another one.
        self._rows = 1 + (chart.threshold is not None)
        self.top = self.mark_row(len(chart.marks)) + 8
        self.bottom = self.top + PLOT_HEIGHT
        self.height = self.bottom + LINE_HEIGHT + MARGIN
        drawn = [*(value for value in chart.values if value is not None), chart.threshold or 0.0, 0.0]
        self.scale = scale_of(chart.unit, max(map(abs, drawn)))
        self._step = _round_step((max(drawn) - min(drawn)) or 1.0, self.scale, chart.has_bars)
        self._lowest = floor(min(drawn) / self._step) * self._step
        self._highest = max(ceil(max(drawn) / self._step) * self._step, self._lowest + self._step)

    def x(self, moment: datetime) -> int:
        """Return the column of a moment."""
        share = (moment - self._chart.start) / (self._chart.end - self._chart.start)
        return round(self.left + share * (self.right - self.left))

    def y(self, value: float) -> int:
        """Return the row of a value."""
        share = (value - self._lowest) / (self._highest - self._lowest)
        return round(self.bottom - share * (self.bottom - self.top))

    def mark_row(self, index: int) -> int:
        """Return the top row of the label of a mark."""
        return MARGIN + LINE_HEIGHT * (self._rows + index)

    def columns(self, index: int) -> tuple[int, int]:
        """Return the first and the last column of a value's part of the time."""
        width = (self.right - self.left) / len(self._chart.values)
        first = round(self.left + index * width)
        return first, max(round(self.left + (index + 1) * width) - (4 if width > 8 else 1), first)

    def value_ticks(self) -> Iterator[tuple[int, str]]:
        """Yield row and text of the values on the axis, the lowest first."""
        for number in range(round((self._highest - self._lowest) / self._step) + 1):
            value = self._lowest + number * self._step
            yield self.y(value), self.scale.text(value)

    def time_ticks(self) -> Iterator[tuple[int, str]]:
        """Yield column and text of round times in UTC."""
        start, end = self._chart.start, self._chart.end
        length = (end - start).total_seconds()
        steps_s = [each for each in _SECONDS if each * MAX_TIMES_WITH_SECONDS >= length]
        steps_s += [each for each in _LONGER if each * MAX_TIMES >= length]
        step = timedelta(seconds=next(iter(steps_s), ceil(length / MAX_TIMES)))
        form = "%H:%M:%S" if step.total_seconds() < 60 else "%H:%M" if step < timedelta(days=1) else "%d %b"
        moment = EPOCH + ceil((start - EPOCH) / step) * step
        while moment <= end:
            yield self.x(moment), f"{moment:{form}}"
            moment += step


def _round_step(length: float, scale: Scale, is_count: bool) -> float:
    """Return the distance of ticks: 1, 2 or 5 of a power of ten as it is written; counts have no fractions."""
    raw = length * scale.factor / MAX_STEPS
    power = 10.0 ** floor(log10(raw))
    step = next(each * power for each in (1, 2, 5, 10) if each * power >= raw * 0.999999)
    return (max(step, 1.0) if is_count else step) / scale.factor
