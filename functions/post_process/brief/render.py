"""Renders the brief: one view, as HTML short enough for Gmail to show whole and as text that says the same."""

import base64
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from urllib.parse import urlsplit

import mrml
from jinja2 import Environment, StrictUndefined

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
_BAR, _MARK = (0xD9, 0x4A, 0x3D), (0x7A, 0x86, 0x99)
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

    @property
    def standalone_html(self) -> str:
        """The HTML with its images embedded, for a file."""
        html = self.html
        for image in self.images:
            data = base64.b64encode(image.png).decode()
            html = html.replace(f'src="cid:{image.content_id}"', f'src="data:image/png;base64,{data}"')
        return html


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
    for candidate in _ever_shorter(view(request, failures, usage, words or BriefWords(), link)):
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


def sparkline(chart: Chart) -> bytes:
    """Return the chart as a PNG: bars on a transparent background, for light and dark pages."""
    width, height, step = 1200, 160, 1200 // len(chart.counts)
    highest = max(chart.counts) or 1
    tops = [round(height * (1 - count / highest)) if count else height - 2 for count in chart.counts]
    rows = []
    for y in range(height):
        row = bytearray(1)
        for index, top in enumerate(tops):
            row += bytes([2 if index == chart.marked else 0]) * 5
            row += bytes([1 if y >= top else 0]) * (step - 5)
        rows.append(bytes(row.ljust(width + 1, b"\0")))
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes([0, 0, 0, *_BAR, *_MARK])
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"tRNS", b"\0"), (b"IDAT", zlib.compress(b"".join(rows), 9)))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in (*chunks, (b"IEND", b"")))


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _html(seen: View) -> tuple[str, tuple[InlineImage, ...]]:
    images: list[InlineImage] = []

    def chart_image(chart: Chart) -> str:
        images.append(InlineImage(f"chart-{len(images) + 1}@incident-copilot", sparkline(chart)))
        return images[-1].content_id

    rules = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, finalize=_finalize)
    rules.filters.update(
        web_only=_web_only,
        chart_words=_chart_words,
        chart_image=chart_image,
        own=_Own,
    )
    mjml = rules.from_string(_MJML).render(view=seen, colour=COLOURS[seen.tone], bright=BRIGHT[seen.tone])
    # No web fonts: a mail that fetches something reveals that it was read.
    return mrml.to_html(mjml, render_options=mrml.RenderOptions(disable_comments=True, fonts={})).content, tuple(images)


def _text(seen: View) -> str:
    # Text is text: escaping it would show `&lt;` to the reader.
    rules = Environment(
        autoescape=False,  # noqa: S701
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
    )
    rules.filters.update(web_only=_web_only, chart_words=_chart_words, own=_Own)
    return re.sub(r"\n{3,}", "\n\n", rules.from_string(_TEXT).render(view=seen)).strip() + "\n"


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
    highest = max(chart.counts) or 1
    return "".join(_BLOCKS[ceil(8 * count / highest)] for count in chart.counts)
