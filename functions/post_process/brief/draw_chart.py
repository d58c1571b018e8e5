"""Draws a chart as a PNG with axes: light, so that it can be read on a dark page too."""

from functools import lru_cache
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from shared.bounds import clip
from shared.redaction import redact
from shared.text.harmless import one_line
from shared.text.plain_text import as_rendered

from .chart_geometry import FONT, MARGIN, WIDTH, Geometry
from .model import Chart, at_time

PAPER, GRID, AXIS, INK, SOFT = "#ffffff", "#e3e6eb", "#8a94a6", "#1c2330", "#5b6472"
VALUES, ONSET, CHANGE, LIMIT = "#d94a3d", "#1c2330", "#1f5fbf", "#8a6100"
ZONE = "UTC"
LABEL_CHARS, TITLE_CHARS = 40, 62
COLOURS = 64
"""Enough for soft edges of letters, and a quarter of the size of all of them."""
MAX_GAP = 3
"""Parts without a value that a line still passes over: a scrape was missed."""


@lru_cache(4)
def draw(chart: Chart) -> bytes:
    """Return the chart as a PNG; the same chart gives the same bytes."""
    geometry = Geometry(chart)
    image = Image.new("RGB", (WIDTH, geometry.height), PAPER)
    pen = ImageDraw.Draw(image)
    pen.font = ImageFont.load_default(FONT)
    unit = f", {geometry.scale.unit}" if geometry.scale.unit else ""
    pen.text((MARGIN, MARGIN), f"{drawn_text(chart.title, TITLE_CHARS - len(unit))}{unit}", fill=INK)
    _axes(pen, geometry)
    (_bars if chart.has_bars else _line)(pen, geometry, chart)
    _threshold(pen, geometry, chart)
    for index in range(len(chart.marks)):
        _mark(pen, geometry, chart, index)
    file = BytesIO()
    image.quantize(COLOURS, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def drawn_text(text: str, chars: int) -> str:
    """Return what others wrote as it is drawn: no secret, in one line, in letters that the font has."""
    plain = clip(one_line(as_rendered(redact(text))), chars, "...").replace("…", "...")
    return plain.encode("latin-1", "replace").decode("latin-1")


def _axes(pen: ImageDraw.ImageDraw, geometry: Geometry) -> None:
    for y, text in geometry.value_ticks():
        pen.line((geometry.left, y, geometry.right, y), fill=GRID, width=2)
        pen.text((geometry.left - 14, y), text, fill=SOFT, anchor="rm")
    for x, text in geometry.time_ticks():
        pen.line((x, geometry.bottom, x, geometry.bottom + 10), fill=AXIS, width=2)
        half = pen.textlength(text) / 2
        middle = min(max(x, MARGIN + pen.textlength(ZONE) + 12 + half), geometry.right - half)
        pen.text((middle, geometry.bottom + 14), text, fill=SOFT, anchor="ma")
    pen.text((MARGIN, geometry.bottom + 14), ZONE, fill=SOFT)
    pen.line((geometry.left, geometry.top, geometry.left, geometry.bottom), fill=AXIS, width=2)
    pen.line((geometry.left, geometry.bottom, geometry.right, geometry.bottom), fill=AXIS, width=2)


def _bars(pen: ImageDraw.ImageDraw, geometry: Geometry, chart: Chart) -> None:
    for index, value in enumerate(chart.values):
        if value:
            first, last = geometry.columns(index)
            pen.rectangle((first, geometry.y(value), last, geometry.y(0) - 1), fill=VALUES)


def _line(pen: ImageDraw.ImageDraw, geometry: Geometry, chart: Chart) -> None:
    before: tuple[int, tuple[int, int]] | None = None
    for index, value in enumerate(chart.values):
        if value is None:
            continue
        first, last = geometry.columns(index)
        point = ((first + last) // 2, geometry.y(value))
        pen.ellipse((point[0] - 4, point[1] - 4, point[0] + 4, point[1] + 4), fill=VALUES)
        if before is not None and index - before[0] <= MAX_GAP:
            pen.line((*before[1], *point), fill=VALUES, width=5)
        before = (index, point)


def _threshold(pen: ImageDraw.ImageDraw, geometry: Geometry, chart: Chart) -> None:
    if chart.threshold is None:
        return
    y, row = geometry.y(chart.threshold), geometry.mark_row(-1)
    _dashes(pen, (geometry.left, y), (geometry.right, y), LIMIT)
    middle = row + FONT // 2 + 4
    _dashes(pen, (MARGIN, middle), (MARGIN + 62, middle), LIMIT)
    _label(pen, (MARGIN + 76, row), drawn_text(chart.threshold_label, LABEL_CHARS), LIMIT)


def _mark(pen: ImageDraw.ImageDraw, geometry: Geometry, chart: Chart, index: int) -> None:
    mark = chart.marks[index]
    x, top = geometry.x(mark.at), geometry.mark_row(index)
    text, colour = f"{drawn_text(mark.label, LABEL_CHARS)} {at_time(mark.at)}", ONSET if mark.is_onset else CHANGE
    if mark.is_onset:
        pen.line((x, top, x, geometry.bottom), fill=colour, width=4)
    else:
        _dashes(pen, (x, top), (x, geometry.bottom), colour)
    length = pen.textlength(text)
    fits = x + 12 + length <= geometry.right
    _label(pen, (x + 12 if fits else max(x - 12 - length, MARGIN), top), text, colour)


def _label(pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: str) -> None:
    """Write on paper, so that no line crosses the words."""
    left, top, right, bottom = pen.textbbox(place, text)
    pen.rectangle((left - 4, top - 4, right + 4, bottom + 4), fill=PAPER)
    pen.text(place, text, fill=colour)


def _dashes(pen: ImageDraw.ImageDraw, start: tuple[int, int], end: tuple[int, int], colour: str) -> None:
    length = max(end[0] - start[0], end[1] - start[1])
    across = end[0] > start[0]
    for at in range(0, length, 24):
        upto = min(at + 14, length)
        ends = (at, 0, upto, 0) if across else (0, at, 0, upto)
        pen.line(tuple(each + start[n % 2] for n, each in enumerate(ends)), fill=colour, width=4)
