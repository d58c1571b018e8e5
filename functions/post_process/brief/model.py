"""What a brief is made of: sections of blocks, written once and rendered twice, as HTML and as text."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import ClassVar, Literal

from shared.bounds import clip
from shared.contracts import Answer, OutcomeKind

_FULL_SHA = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{28}\b")
UNAMBIGUOUS = timedelta(days=180)
Tone = Literal["critical", "high", "medium", "low", "calm"]


@dataclass(frozen=True)
class Words:
    """Prose, of code or of a model: plain text, in which nothing is a link and nothing looks like a command."""

    text: str
    is_strong: bool = False
    lead: str = ""
    """Plain text set in bold before the words."""
    kind: ClassVar[str] = "words"


@dataclass(frozen=True)
class TextLine:
    """Plain text written by our own code."""

    text: str
    is_strong: bool = False
    kind: ClassVar[str] = "line"


@dataclass(frozen=True)
class QuotedText:
    """Verbatim words of the evidence, and their source."""

    text: str
    source: str
    kind: ClassVar[str] = "quote"


@dataclass(frozen=True)
class Code:
    """Text to read or copy as it is."""

    text: str
    caption: str = ""
    is_numbered: bool = False
    """Each line starts with its number, so that a long one is wrapped behind it."""
    marked: int | None = None
    """Index of the line that matters most."""
    is_command: bool = False
    """Part of a command is another command, so it is shown whole or not at all."""
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Items:
    """A list of plain texts."""

    texts: tuple[str, ...]
    kind: ClassVar[str] = "items"


@dataclass(frozen=True)
class Table:
    """Rows under a head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Mark:
    """A moment on the axis of time."""

    at: datetime
    label: str
    is_onset: bool = False


@dataclass(frozen=True)
class Chart:
    """Values over time, drawn as an image and as a line of text; each value is of an equal part of the time."""

    title: str
    unit: str
    start: datetime
    end: datetime
    values: tuple[float | None, ...]
    words: str = ""
    """What it shows, in words and numbers, for whoever does not see the image."""
    marks: tuple[Mark, ...] = ()
    threshold: float | None = None
    threshold_label: str = ""
    has_bars: bool = False
    """Counts are bars from zero, measured values a line."""
    kind: ClassVar[str] = "chart"

    @property
    def onset(self) -> Mark | None:
        """The moment from which on something is wrong."""
        return next((mark for mark in self.marks if mark.is_onset), None)

    def part_of(self, moment: datetime) -> int:
        """Return the index of the value that is of this moment."""
        part = int((moment - self.start) / (self.end - self.start) * len(self.values))
        return min(max(part, 0), len(self.values) - 1)


@dataclass(frozen=True)
class Link:
    """One place to go; only http and https survive."""

    label: str
    url: str


@dataclass(frozen=True)
class Links:
    """Places to go, the first the most useful."""

    links: tuple[Link, ...]
    is_button: bool = False
    kind: ClassVar[str] = "links"


Block = Words | TextLine | QuotedText | Code | Items | Table | Chart | Links


LEFT_OUT = TextLine("A long command is left out here; the trace has it whole.")


@dataclass(frozen=True)
class Section:
    """Blocks under a title; when the mail is too long the highest `expendable` is left out first, 0 never."""

    title: str
    blocks: tuple[Block, ...]
    expendable: int = 0


@dataclass(frozen=True)
class View:
    """Everything a reader sees, before it is HTML or text."""

    kind: OutcomeKind
    tone: Tone
    badge: str
    service: str
    headline: str
    since: str
    scope: str
    subject: str
    warning: str
    sections: tuple[Section, ...]
    footer: tuple[str, ...] = field(default=())


def shortened(section: Section, chars: int) -> Section:
    """Return the section with every text in it at most `chars` characters long; tables, charts and links stay."""
    return replace(section, blocks=tuple(_shortened(block, chars) for block in section.blocks))


def _shortened(block: Block, chars: int) -> Block:
    match block:
        case Code(is_command=True) if len(block.text) > chars:
            return LEFT_OUT
        case Words() | TextLine() | QuotedText() | Code():
            return replace(block, text=clip(block.text, chars))
        case Items():
            return replace(block, texts=tuple(clip(item, chars) for item in block.texts))
        case _:
            return block


def prose(text: str, chars: int) -> str:
    """Clip a sentence for reading; a full commit hash fills two lines of a phone, so twelve digits replace it."""
    return clip(_FULL_SHA.sub(r"\1", text), chars)


def is_by_model(answer: Answer | None) -> bool:
    """Return whether a model wrote the words of the answer."""
    return answer is not None and not answer.is_by_code


def on_day(moment: datetime, *others: datetime) -> str:
    """Return the day, with its year where one of `others` is so far away that the year could be misread."""
    is_far = any(moment.year != other.year or abs(other - moment) > UNAMBIGUOUS for other in others)
    return f"{moment:%d %b %Y}" if is_far else f"{moment:%d %b}"


def at_time(moment: datetime) -> str:
    """Return the time of day in UTC, as logs write it."""
    return f"{moment:%H:%M:%S}"
