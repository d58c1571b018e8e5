"""Renders the brief: one view, as HTML short enough for Gmail to show whole and as text that says the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

import mrml
from jinja2 import Environment, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from shared import log
from shared.containment import contained
from shared.contracts import Failure, OutcomeKind, PostProcessRequest
from shared.outbox.port import InlineImage
from shared.text.harmless import defanged
from shared.text.plain_text import as_rendered

from .model import Chart, Link, Section, View, shortened
from .opinion import BriefWords
from .view import Usage, view

HTML_BYTES = 96 * 1024  # Gmail clips a message over 102 KB; the margin is for what mailing lists add.
COLOURS = {"critical": "#c5221f", "high": "#c2500a", "medium": "#8a6100", "low": "#1f5fbf", "calm": "#2f6f44"}
BRIGHT = {"critical": "#ff8a80", "high": "#ffab70", "medium": "#f2cc60", "low": "#7fb1ff", "calm": "#7ee2a0"}
_BLOCKS = " ▁▂▃▄▅▆▇█"
_HERE = Path(__file__).parent
_MJML = (_HERE / "brief.mjml").read_text("utf-8")
_TEXT = (_HERE / "brief.txt").read_text("utf-8")


@dataclass(frozen=True)
class Brief:
    """A rendered brief; `html` shows its images as `cid:<content_id>`."""

    kind: OutcomeKind
    subject: str
    html: str
    text: str
    images: tuple[InlineImage, ...] = ()


def render(
    request: PostProcessRequest,
    failures: list[Failure],
    usage: Usage,
    words: BriefWords | None = None,
    link: str = "",
) -> Brief:
    """
    Return the brief; `link` names the incident of another service that has the same cause.

    The least needed is left out or shortened, with a note, to keep under HTML_BYTES.
    """
    return rendered(view(request, failures, usage, words or BriefWords(), link))


def rendered(seen: View) -> Brief:
    """Return a view as HTML and text, shortened as `render` says."""
    for candidate in _ever_shorter(seen):
        html, images = _html(candidate)
        if len(html.encode()) <= HTML_BYTES:
            break
    return Brief(candidate.kind, as_rendered(candidate.subject), html, _text(candidate), images)


def _ever_shorter(whole: View) -> Iterator[View]:
    """Yield the view, then without its most expendable sections one by one, then with ever shorter texts."""
    yield whole
    remaining = list(whole.sections)
    left_out: list[str] = []
    for section in sorted(whole.sections, key=lambda one: -one.expendable):
        if section.expendable:
            remaining.remove(section)
            left_out.append(section.title)
            yield _noting(whole, remaining, f"Left out for length: {', '.join(left_out)}. The trace has everything.")
    for chars in (250, 120, 60):
        shorter = [shortened(section, chars) for section in remaining]
        yield _noting(whole, shorter, "Shortened, and parts left out, for length. The trace has everything.")


def _noting(whole: View, sections: list[Section], note: str) -> View:
    return replace(whole, sections=tuple(sections), footer=(*whole.footer, note))


def _drawn(chart: Chart) -> bytes | None:
    """Return the chart as a PNG; None, with the reason in the log, when that fails: the words of it remain."""

    def drawing() -> bytes | None:
        # Loaded only where a chart is drawn: what cannot be loaded costs an image and no brief.
        from .draw_chart import draw

        return draw(chart)

    return contained(drawing, _no_chart)


def _no_chart(error: Exception) -> None:
    log.error("brief.no_chart", error_type=type(error).__name__, error=str(error))


def _html(seen: View) -> tuple[str, tuple[InlineImage, ...]]:
    images: list[InlineImage] = []

    def chart_image(chart: Chart) -> str:
        png = _drawn(chart)
        if png is None:
            return ""
        images.append(InlineImage(f"chart-{len(images) + 1}@incident-copilot", png))
        return images[-1].content_id

    facts = {"view": seen, "colour": COLOURS[seen.tone], "bright": BRIGHT[seen.tone]}
    mjml = _page().render(facts, chart_image=chart_image)
    # No web fonts: a mail that fetches something reveals that it was read.
    return mrml.to_html(mjml, render_options=mrml.RenderOptions(disable_comments=True, fonts={})).content, tuple(images)


@cache
def _page() -> Template:
    """Return the template of the HTML, compiled once: that takes longer than to fill it."""
    rules = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_finalize)
    rules.filters.update(web_only=_web_only, chart_image=_chart_image, own=_Own)
    return rules.from_string(_MJML)


@pass_context
def _chart_image(context: Context, chart: Chart) -> str:
    """Draw by the function that this rendering brings."""
    return str(context["chart_image"](chart))


def _text(seen: View) -> str:
    return re.sub(r"\n{3,}", "\n\n", _plain().render(view=seen)).strip() + "\n"


@cache
def _plain() -> Template:
    """Return the template of the text, compiled once."""
    # Text is text: escaping it would show `&lt;` to the reader.
    rules = Environment(
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    rules.filters.update(web_only=_web_only, chart_words=_chart_words, own=_Own)
    return rules.from_string(_TEXT)


def compile_templates() -> None:
    """Compile both templates now, so that the first brief does not wait for it."""
    _page()
    _plain()


class _Own(str):
    """Text of our own in which an address may be a link, and a command is to be copied as it is."""

    __slots__ = ()


def _finalize(value: object) -> object:
    """Return every text of a template as a check saw it; mail programs make links of whatever looks like an address."""
    if type(value) is str:
        return defanged(as_rendered(value))
    return as_rendered(value) if type(value) is _Own else value


def _web_only(links: tuple[Link, ...]) -> list[Link]:
    return [replace(link, url=_Own(link.url)) for link in links if _is_web(link.url)]


def _is_web(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s<>\"'`\\]", url)


def _chart_words(chart: Chart) -> str:
    """Return the values as a line of blocks; those below zero, and those that are missing, are blank."""
    values = [max(value or 0.0, 0.0) for value in chart.values]
    highest = max(values) or 1
    return "".join(_BLOCKS[ceil(8 * value / highest)] for value in values)
