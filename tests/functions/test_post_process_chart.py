"""The chart of a brief: what is drawn where, the words that say the same, and what a failure of it costs."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings, strategies
from PIL import Image

from functions.post_process.brief import draw_chart
from functions.post_process.brief.chart_geometry import MARGIN, PLOT_HEIGHT, WIDTH, Geometry
from functions.post_process.brief.draw_chart import CHANGE, LIMIT, ONSET, VALUES, draw, drawn_text
from functions.post_process.brief.model import Chart, Mark
from functions.post_process.brief.render import Brief, render
from functions.post_process.brief.sections.over_time import chart
from functions.post_process.brief.view import Usage
from shared.contracts import Change, ErrorSummary, MeasuredSeries, PostProcessRequest
from shared.outbox.mail.compose import compose
from shared.outbox.port import Mail
from tests.functions import post_process_requests as requests

MAX_BYTES = 30_000
SERIES = MeasuredSeries(
    title="Share of requests that fail",
    unit="ratio",
    values=[0.001, 0.002] * 8 + [0.03, 0.26] * 22,
    threshold=0.05,
    limit="above 5 %",
)


def changed(minutes: float, version: str = "") -> Change:
    """Return a change some minutes after the onset."""
    return Change(kind="rollout", at=requests.ONSET + timedelta(minutes=minutes), what="x", version_after=version)


def request_of(**changes: Any) -> PostProcessRequest:
    """Return a full request whose incident has these fields."""
    return requests.full(incident=requests.incident(**{"what_changed": [changed(-2, "1.4.2")], **changes}))


def chart_of(**changes: Any) -> Chart:
    """Return the chart of an incident with these fields."""
    drawn = chart(request_of(**changes))
    assert drawn is not None
    return drawn


def brief_of(**changes: Any) -> Brief:
    """Return the brief of an incident with these fields."""
    return render(request_of(**changes), [], Usage())


@cache
def pixels(png: bytes) -> Callable[[int, int], tuple[int, int, int]]:
    """Return what reads the colour of a pixel of the image."""
    image = Image.open(BytesIO(png)).convert("RGB")
    return lambda x, y: image.getpixel((x, y))  # type: ignore[return-value]


def is_colour(pixel: tuple[int, int, int], colour: str) -> bool:
    """Return whether a pixel has a colour, but for what a smaller palette changes."""
    wanted = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return all(abs(part - each) <= 12 for part, each in zip(pixel, wanted, strict=True))


def share_of_column(drawn: Chart, x: int, colour: str) -> float:
    """Return the share of a column of the plot that has a colour."""
    at, geometry = pixels(draw(drawn)), Geometry(drawn)
    return sum(is_colour(at(x, y), colour) for y in range(geometry.top, geometry.bottom)) / PLOT_HEIGHT


@pytest.mark.parametrize("series", [None, SERIES], ids=["errors", "series"])
def test_image_is_a_small_png_of_twice_the_width_of_a_mail(series: MeasuredSeries | None) -> None:
    """Phones draw it sharp, and it costs a fraction of what a mail may hold."""
    png = draw(chart_of(measured_series=series))

    with Image.open(BytesIO(png)) as image:
        image.verify()
        assert (image.format, image.width) == ("PNG", WIDTH)
    assert len(png) <= MAX_BYTES


@pytest.mark.parametrize("minutes", [-3, 0, 5.5])
def test_onset_is_a_line_in_the_column_of_its_time(minutes: float) -> None:
    """It stands where its time is between the ends of the axis, and nowhere else."""
    drawn = chart_of(onset=requests.ONSET + timedelta(minutes=minutes), what_changed=[])
    geometry = Geometry(drawn)
    share = (timedelta(minutes=4, seconds=12) + timedelta(minutes=minutes)) / timedelta(minutes=15)
    x = geometry.left + share * (geometry.right - geometry.left)

    dark = [
        column for column in range(geometry.left + 3, geometry.right) if share_of_column(drawn, column, ONSET) > 0.9
    ]

    assert dark
    assert max(abs(column - x) for column in dark) <= 3


def test_changes_are_dashed_lines_in_the_columns_of_their_times() -> None:
    """Each has its own, and both differ from the onset's."""
    drawn = chart_of(what_changed=[changed(-2, "1.4.2"), changed(6, "1.4.3")])

    columns = [Geometry(drawn).x(requests.ONSET + timedelta(minutes=minutes)) for minutes in (-2, 6)]

    assert [mark.label for mark in drawn.marks] == ["version 1.4.2", "onset", "version 1.4.3"]
    assert all(0.3 < share_of_column(drawn, x, CHANGE) < 0.8 for x in columns)
    assert share_of_column(drawn, columns[0] + 10, CHANGE) == 0


def test_threshold_is_a_dashed_line_in_the_row_of_its_value() -> None:
    """A fifth of the axis up, where the axis ends at five times the threshold or more."""
    drawn = chart_of(measured_series=SERIES)
    geometry, at = Geometry(drawn), pixels(draw(drawn))
    y = round(geometry.bottom - 0.05 / 0.3 * PLOT_HEIGHT)

    row = [is_colour(at(x, y), LIMIT) for x in range(geometry.left, geometry.right)]

    assert 0.4 < sum(row) / len(row) < 0.7
    assert drawn.threshold_label == "alert fires above 5 %"


def test_bars_are_as_high_as_the_counts() -> None:
    """Each bar is a count of its part of the window."""
    counts = [0, 5, 10, 20]
    drawn = chart_of(error_summary=ErrorSummary(errors_over_time=counts), onset=None, what_changed=[])
    geometry = Geometry(drawn)

    middles = [sum(geometry.columns(index)) // 2 for index in range(4)]
    heights = [round(share_of_column(drawn, x, VALUES) * PLOT_HEIGHT) for x in middles]

    assert heights == [0, 75, 150, 300]


def test_axes_have_round_values_and_round_times() -> None:
    """A reader reads values and times off, so both are round, with the unit and the zone."""
    geometry = Geometry(chart_of(measured_series=SERIES))

    assert [text for _, text in geometry.value_ticks()] == ["0", "10", "20", "30"]
    assert geometry.scale.unit == "%"
    assert [text for _, text in geometry.time_ticks()] == [f"02:{minute}" for minute in range(42, 55, 2)]


@pytest.mark.parametrize("length", [timedelta(seconds=7), timedelta(minutes=4), timedelta(hours=6), timedelta(days=9)])
def test_labels_of_times_do_not_meet(length: timedelta) -> None:
    """Any window has a few of them, each with room for its text."""
    drawn = replace(chart_of(what_changed=[]), end=requests.START + length, marks=())

    columns = [x for x, _ in Geometry(drawn).time_ticks()]

    assert 2 <= len(columns) <= 9
    assert all(later - earlier >= 105 for earlier, later in pairwise(columns))


def test_words_say_what_the_counts_say() -> None:
    """Before, after, and what is marked, with numbers and times: from the data alone."""
    assert chart_of().words == (
        "Error lines per 15 s, 02:40 to 02:55 UTC: at most 2 before the onset at 02:44:42, up to 21 from then on. "
        "Marked: version 1.4.2 at 02:42:42."
    )


def test_words_say_what_the_alert_watches() -> None:
    """Its threshold is part of it, and values are in the unit that a reader expects."""
    assert chart_of(measured_series=SERIES, what_changed=[]).words == (
        "Share of requests that fail, 02:40 to 02:55 UTC: at most 0.2 % before the onset at 02:44:42, "
        "up to 26 % from then on. The alert fires above 5 %."
    )


def test_words_of_what_falls_say_how_far_down() -> None:
    """Of traffic that stops the least matters."""
    fallen = MeasuredSeries(
        title="request_rate", unit="requests/s", values=[80.0] * 16 + [None] * 2 + [3.0] * 42, higher_is_worse=False
    )

    words = chart_of(measured_series=fallen, what_changed=[]).words

    assert "at least 80 requests/s before the onset at 02:44:42, down to 3 requests/s from then on." in words


@settings(max_examples=30, deadline=None)
@given(
    counts=strategies.lists(strategies.integers(0, 10**9), min_size=1, max_size=60).filter(any),
    minutes=strategies.integers(0, 15),
)
def test_words_name_the_largest_counts(counts: list[int], minutes: int) -> None:
    """Whatever was counted: both numbers are the largest of their side of the onset."""
    onset = requests.START + timedelta(minutes=minutes)
    drawn = chart_of(error_summary=ErrorSummary(errors_over_time=counts), onset=onset, what_changed=[])
    part = drawn.part_of(onset)

    sides = (("at most ", counts[:part], " before"), ("up to ", counts[part:], " from"))
    for words, side, rest in sides:
        amount = "nothing measured" if not side else f"{words}{max(side):,}" if any(side) else "0"
        assert f"{amount}{rest}" in drawn.words.replace(", up to", " up to")


def test_words_are_the_alternative_of_the_image_and_part_of_the_text() -> None:
    """Who sees no image reads the same, in HTML and in plain text."""
    made, words = brief_of(), chart_of().words

    assert f'alt="{words}"' in made.html
    assert words in made.text


def test_onset_is_marked_below_the_line_of_text() -> None:
    """The plain text marks the same part as the image."""
    lines = brief_of().text.splitlines()

    (mark,) = (number for number, line in enumerate(lines) if line.strip() == "^ onset 02:44:42")

    assert lines[mark].index("^") - 2 == chart_of().part_of(requests.ONSET) == 16
    assert re.fullmatch(r"  [ ▁▂▃▄▅▆▇█]{60}", lines[mark - 1])


def test_mail_shows_its_image_once_and_from_within() -> None:
    """One part has the Content-ID that the HTML names once; nothing is fetched."""
    made = brief_of()
    mail = Mail(("ada@example.com",), made.subject, made.html, made.text, "<a@b>", made.images)

    got = message_from_bytes(compose(mail, "copilot@example.com"), policy=policy.default)

    alternative, image = got.iter_parts()
    _, html = alternative.iter_parts()
    assert (got.get_content_type(), got.get_param("type")) == ("multipart/related", "multipart/alternative")
    assert (image.get_content_type(), image.get_content_disposition()) == ("image/png", "inline")
    assert html.get_content().count(f"cid:{image['Content-ID'].strip('<>')}") == 1
    assert html.get_content().count("cid:") == 1
    assert image.get_content() == draw(chart_of())


HOSTILE = '</mj-text><script>alert(1)</script>" onload="x" \u202e\x1b[31m\nhttps://evil.example {{ 7*7 }} 日本'


def test_name_that_others_wrote_is_drawn_as_plain_text() -> None:
    """A version or a metric may be any text: one line of letters that the font has, no tag, no link, no secret."""
    series = SERIES.replace(title=HOSTILE, unit=HOSTILE, limit=HOSTILE)
    made = brief_of(measured_series=series, what_changed=[changed(-2, HOSTILE)])

    text = drawn_text(HOSTILE, 200)
    assert text.isprintable()
    assert "\u202e" not in text
    assert "日" not in text
    assert drawn_text("password=hunter2x", 60) != "password=hunter2x"
    assert len(drawn_text("x" * 999, 40)) == 40
    assert "<script" not in made.html
    assert 'onload="' not in made.html
    assert "https://evil" not in made.html + made.text
    assert len(made.images) == 1


@settings(max_examples=25, deadline=None)
@given(
    values=strategies.lists(
        strategies.none() | strategies.floats(-1e300, 1e300, allow_nan=False), min_size=1, max_size=60
    ),
    threshold=strategies.none() | strategies.floats(-1e300, 1e300),
    text=strategies.text(max_size=60),
)
def test_any_series_can_be_drawn(values: list[float | None], threshold: float | None, text: str) -> None:
    """Huge, tiny, negative and missing values, and any words."""
    marks = (Mark(requests.ONSET, text), Mark(requests.END, text, is_onset=True))
    drawn = Chart(text, text, requests.START, requests.END, tuple(values), "", marks, threshold, text)

    png = draw(drawn)

    assert len(png) <= MAX_BYTES
    assert png.startswith(b"\x89PNG")
    assert all(Geometry(drawn).top <= y <= Geometry(drawn).bottom for y, _ in Geometry(drawn).value_ticks())


def test_same_chart_is_the_same_bytes() -> None:
    """A retry sends what was sent: nothing of the image depends on when it is drawn."""
    first = draw(chart_of())
    draw.cache_clear()

    assert draw(chart_of()) == first


def test_failure_to_draw_costs_the_image_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The words stand in its place, and the log names the type of the failure."""

    def broken(_: Chart) -> bytes:
        raise MemoryError("no room")

    monkeypatch.setattr(draw_chart, "draw", broken)

    made = brief_of()

    assert made.images == ()
    assert "cid:" not in made.html
    assert chart_of().words in made.html
    assert chart_of().words in made.text
    logged = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert ("brief.no_chart", "MemoryError") in [(line.get("message"), line.get("error_type")) for line in logged]


def test_changes_outside_the_window_and_beyond_three_are_not_marked() -> None:
    """The closest to the onset are."""
    changes = [changed(-60, "0.9"), *(changed(minutes, f"2.{minutes}") for minutes in (4, 3, 2, 1))]

    drawn = chart_of(what_changed=changes)

    assert [mark.label for mark in drawn.marks] == ["onset", "version 2.1", "version 2.2", "version 2.3"]


def test_onset_outside_the_window_is_not_marked() -> None:
    """What a replay names of another year has no place on the axis."""
    drawn = chart_of(onset=requests.ONSET.replace(year=2024), what_changed=[])

    assert drawn.marks == ()
    assert drawn.words == "Error lines per 15 s, 02:40 to 02:55 UTC: at most 21."


def test_long_label_stays_on_the_image() -> None:
    """In the middle it fits on neither side of its line."""
    drawn = chart_of(what_changed=[changed(3, "W" * 30)], onset=None)
    at, geometry = pixels(draw(drawn)), Geometry(drawn)
    row = geometry.mark_row(0) + 20

    assert not any(is_colour(at(x, row), CHANGE) for x in range(MARGIN))
    assert any(is_colour(at(x, row), CHANGE) for x in range(MARGIN, geometry.left))


def test_alert_that_was_dismissed_shows_what_it_watches() -> None:
    """That the series is below its threshold again is seen at once."""
    request = requests.dismissed()
    assert request.incident is not None
    calm = request.incident.replace(measured_series=SERIES.replace(values=[0.001] * 60))

    made = render(request.replace(incident=calm), [], Usage())

    assert made.kind == "dismissed"
    assert len(made.images) == 1
    assert "Share of requests that fail, 02:40 to 02:55 UTC: at most 0.1 %. The alert fires above 5 %." in made.text


def test_version_is_marked_once_where_it_is_first_reported() -> None:
    """Instances, lines and a code host report one deployment; what is reported with it is part of it."""
    changes = [changed(0, "2.15.0"), changed(-1, "v2.15.0"), changed(0), changed(2)]

    drawn = chart_of(what_changed=changes)

    labels = [(mark.label, (mark.at - requests.ONSET) / timedelta(minutes=1)) for mark in drawn.marks]
    assert labels == [("version v2.15.0", -1), ("onset", 0), ("rollout", 2)]


def test_nothing_counted_and_nothing_measured_is_no_chart() -> None:
    """Axes without values would say that all was zero."""
    empty = ErrorSummary(errors_over_time=[])

    assert chart(request_of(error_summary=empty)) is None
    assert chart(request_of(error_summary=empty, measured_series=SERIES.replace(values=[None] * 60))) is None
    assert chart(requests.silent()) is None


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1.7e308, -1.7e308])
def test_number_that_nobody_can_calculate_with_costs_no_brief(value: float) -> None:
    """A service may export any number; it is left out, whether it is a value or the threshold."""
    series = MeasuredSeries(title="Size", unit="bytes", values=[1.0, value] * 30, threshold=value)

    made = brief_of(measured_series=series)
    assert "Size" in made.text
    assert len(made.images) == 1


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1.7e308])
def test_series_of_nothing_that_can_be_drawn_is_no_chart_of_it(value: float) -> None:
    """The errors that were counted are drawn in its place."""
    made = brief_of(measured_series=MeasuredSeries(title="Size", values=[value] * 60))

    assert "Size" not in made.text
