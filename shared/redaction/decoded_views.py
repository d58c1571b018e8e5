"""
Decoded views of a text: what a reader's tools would make of it, with the way back to the raw characters.

Escapes of JSON, programming languages, HTML, URLs and mail, colours of a terminal, invisible and full-width characters,
base64 and hexadecimal text are decoded, one layer a view, up to MAX_LAYERS: a secret that stands in a view is removed
from the raw text at the place it came from. No view is longer than the one before, so all of them take linear time.
"""

import base64
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property, lru_cache

from shared.redaction.patterns import Pattern

MAX_LAYERS = 4
"""A JSON text in a JSON field of a log line that a shipper wrapped in JSON has three."""

BORDER = "\n\0\n"
"""Stands between the entries of one log that are read as one text; no white space and no value crosses it."""

FILLER = "\ue000"
"""Stands for each character of a placeholder, so that its words are not read as names."""

_Piece = tuple[int, int, str]
"""Start and end in the text before, and what stands there in the view."""

_INVISIBLE = "\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe0e\ufe0f\ufeff"
_WIDE = "\uff01-\uff5e\u2000-\u200a\u3000\U0001d400-\U0001d7ff"
_TAGS = "a|b|code|em|font|i|mark|s|small|span|strong|tt|u|wbr"
_ESCAPES = (
    r"(?<=\\)(?:[uU]\{?[0-9a-fA-F]{4,8}\}?|x[0-9a-fA-F]{2}|[0-7]{3}|\r?\n|[^\0\r\n])"
    r"|(?<=%)(?:[0-7][0-9a-fA-F]|[uU][0-9a-fA-F]{4}|[89a-fA-F][0-9a-fA-F](?:%[89abAB][0-9a-fA-F]){1,3})"
    r"|(?<=&)(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});"
    r"|(?<=\x1b)(?:\[[0-?]{0,30}[ -/]{0,3}[@-~]|\][^\x07\x1b\0]{0,300}(?:\x07|\x1b\\)|[@-Z\\-_]|[()][AB012])?"
    r"|(?<=\[)\d{1,3}(?:;\d{1,3}){0,5}m|(?<=\#)033\[\d{1,3}(?:;\d{1,3}){0,5}m"
    rf"|(?<=<)/?(?:{_TAGS})(?:\s[^<>\0]{{0,200}})?/?>|(?<=[{_INVISIBLE}{_WIDE}])"
)
_STARTS = rf"\\%&\x1b\[\#<{_INVISIBLE}{_WIDE}"
# A set first, and what must follow each of it: so the search skips over all other characters at once.
_ESCAPE = Pattern(rf"[{_STARTS}](?:{_ESCAPES})")
_MAIL_ESCAPE = Pattern(rf"[={_STARTS}](?:(?<==)(?:[0-9A-F]{{2}}|\r?\n)|{_ESCAPES})")
_MAIL_MARKS = ("=3D", "=\n", "=\r\n", "=20'", '=20"')
_MARKS = ("\\", "%", "&", "\x1b", "</", "#033", *_MAIL_MARKS)
_BARE_COLOUR = Pattern(r"\[\d{1,3}(?:;\d{1,3})*m")
_UNUSUAL = Pattern(f"[{_INVISIBLE}{_WIDE}]")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", "v": "\v", "e": "\x1b"}
_KEEPS_BACKSLASH = Pattern(r"[A-Za-z0-9.]")

_DIGIT = "[A-Za-z0-9+/_-]"
_GROUP = rf"[C-DI-Za-f][AC-HQS-Xgi-nwy-z0-3][ABEFIJMNQRUVYZcdghklopstwx014589]{_DIGIT}"
"""Four digits of base64 that encode three characters of ASCII, none of them a control character but a line end."""
_WIDE_GROUPS = rf"[C-DI-Za-f][AQgw][AB]{_DIGIT}A[AC-H][AEIMQUYcgkosw048]A"
"""The same for three characters of UTF-16, which PowerShell encodes."""
_BASE64 = Pattern(
    rf"(?:(?:{_GROUP}){{4}}(?:\r?\n?{_DIGIT}{{4}})*+|(?:{_WIDE_GROUPS}){{2,}}+)(?:{_DIGIT}{{2,8}}={{0,2}})?"
)
_STANDARD_DIGITS = {ord("-"): "+", ord("_"): "/"}
_HEX = Pattern(r"(?<![0-9a-zA-Z])(?:[2-7][0-9a-fA-F]|0[9adAD]){10,}+(?![0-9a-zA-Z])")
_RUN_CHARS = 16
_RUN = Pattern(rf"[A-Za-z0-9+/_.~-]{{{_RUN_CHARS},}}")


class View:
    """A text, and for each part of it where it stands in the raw text; `pieces` are computed when first needed."""

    def __init__(self, text: str, parent: "View | None" = None, pieces: "Callable[[], list[_Piece]]" = list) -> None:
        self.text = text
        self._parent = parent
        self._find_pieces = pieces

    def source(self, start: int, end: int) -> tuple[int, int]:
        """Return start and end in the raw text of what this view shows from `start` to `end`."""
        if self._parent is None:
            return start, end
        return self._parent.source(self._place(start)[0], self._place(end - 1)[1])

    @cached_property
    def words(self) -> set[str]:
        """Every word once: logs repeat theirs, and what no word holds needs no search of the text."""
        return set(self.text.split())

    @cached_property
    def runs(self) -> set[str]:
        """Every long run of letters, digits and signs that keys consist of, once."""
        return set(_RUN.findall(listed([word for word in self.words if len(word) >= _RUN_CHARS])))

    @cached_property
    def listed_words(self) -> str:
        """The words as one text, which is much shorter than a log."""
        return listed(self.words)

    @cached_property
    def listed_runs(self) -> str:
        """The runs as one text."""
        return listed(self.runs)

    @cached_property
    def _pieces(self) -> list[_Piece]:
        return self._find_pieces()

    @cached_property
    def _starts(self) -> list[int]:
        """Where each piece starts in this view."""
        starts, shift = [], 0
        for start, end, text in self._pieces:
            starts.append(start + shift)
            shift += len(text) - (end - start)
        return starts

    def _place(self, position: int) -> tuple[int, int]:
        """Return start and end, in the text before, of the character at a position."""
        number = bisect_right(self._starts, position) - 1
        if number < 0:
            return position, position + 1
        start, end, text = self._pieces[number]
        inside = position - self._starts[number]
        if inside < len(text):
            return start, end
        return end + inside - len(text), end + inside - len(text) + 1


def listed(words: Collection[str]) -> str:
    """Return the words as one text, each between line feeds; an empty text without any."""
    return "\n".join(("", *words, "")) if words else ""


def views(view: View) -> Iterator[View]:
    """Yield the view and each decoded view of it; of entries between borders only those that change."""
    yield view
    for _ in range(MAX_LAYERS):
        plain = _unescaped(view)
        if plain is not None:
            yield plain
        decoded = _decoded(plain or view)
        if decoded is not None:
            yield decoded
        if (next_view := decoded or plain) is None:
            return
        view = next_view


def joined(text: str, borders: Sequence[int]) -> View:
    """Return the view in which the entries on both sides of these borders, given by their starts, are one."""
    ends = set(borders)
    bounds = list(entries(text))
    chosen = [
        each for number, each in enumerate(bounds) if each[1] in ends or (number and bounds[number - 1][1] in ends)
    ]
    pieces = [(start, end, "" if start in ends else new) for start, end, new in _gaps(text, chosen)]
    return _changed(View(text), pieces)


def entries(text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each entry between borders."""
    start = 0
    while (border := text.find(BORDER, start)) >= 0:
        yield start, border
        start = border + len(BORDER)
    yield start, len(text)


def _gaps(text: str, chosen: Sequence[tuple[int, int]]) -> Iterator[_Piece]:
    """Yield what stands before, between and after the chosen entries, each gap as one border."""
    done = 0
    for start, end in chosen:
        yield done, start, BORDER if done else ""
        done = end
    yield done, len(text), ""


def _changed(view: View, pieces: list[_Piece]) -> View:
    parts, done = [], 0
    for start, end, new in (*pieces, (len(view.text), len(view.text), "")):
        parts += [view.text[done:start], new]
        done = end
    return View("".join(parts), view, lambda: pieces)


def _unescaped(view: View) -> View | None:
    """Return the view with the escapes of one layer decoded, or None without any; entries without any are left out."""
    text = view.text
    # Each mark stands in a word; where it has a line end, at the end of one.
    marks = [mark for mark in _MARKS if mark.replace("\r", "") in view.listed_words]
    patterns = [_BARE_COLOUR] if _BARE_COLOUR.search(view.listed_words) else []
    if not text.isascii() and _UNUSUAL.search(text):
        patterns.append(_UNUSUAL)
    if not marks and not patterns:
        return None
    chosen, plain = [], []
    for start, end in entries(text):
        entry = text[start:end]
        may_change = any(mark in entry for mark in marks) or any(each.search(entry) for each in patterns)
        if may_change and (decoded := _pattern(entry).sub(_replacement, entry)) != entry:
            chosen.append((start, end))
            plain.append(decoded)
    if not chosen:
        return None
    return View(BORDER.join(plain), view, lambda: sorted([*_gaps(text, chosen), *_escapes(text, chosen)]))


def _escapes(text: str, chosen: Sequence[tuple[int, int]]) -> Iterator[_Piece]:
    for start, end in chosen:
        entry = text[start:end]
        for match in _pattern(entry).finditer(entry):
            yield start + match.start(), start + match.end(), _character(match[0])


def _pattern(entry: str) -> Pattern:
    # In quoted-printable; elsewhere `key=AB` is an assignment.
    return _MAIL_ESCAPE if any(mark in entry for mark in _MAIL_MARKS) else _ESCAPE


def _replacement(match: re.Match[str]) -> str:
    return _character(match[0])


@lru_cache(4_096)
def _character(escape: str) -> str:
    """Return what an escape stands for; itself where it stands for nothing."""
    decoded = _stands_for(escape)
    return "\ufffd" if decoded in (FILLER, "\0") else decoded


def _stands_for(escape: str) -> str:
    first = escape[0]
    if first in "\\%":
        return _of_backslash(escape) if first == "\\" else _of_percent(escape)
    if first == "&":
        return html.unescape(escape)
    if first == "=":
        return chr(int(escape[1:], 16)) if escape[1] not in "\r\n" else ""
    if first in "<\x1b[#" or re.fullmatch(f"[{_INVISIBLE}]", first):
        return ""
    return unicodedata.normalize("NFKC", escape)


def _of_backslash(escape: str) -> str:
    body = escape[1:]
    if body[0] in "uUx" and len(body) > 1:
        number = int(body[1:].strip("{}"), 16)
        return chr(number) if number < 0xD800 or 0xE000 < number < 0x110000 else ""
    if len(body) == 3:
        return chr(int(body, 8) & 0xFF)
    if body[0] in "\r\n":
        return ""
    return _SIMPLE.get(body) or (escape if _KEEPS_BACKSLASH.fullmatch(body) else body)


def _of_percent(escape: str) -> str:
    if escape[1] in "uU":
        return chr(int(escape[2:], 16))
    return bytes.fromhex(escape.replace("%", "")).decode("utf-8", "replace")


def _decoded(view: View) -> View | None:
    """Return the view with the runs decoded that encode a text, or None without any."""
    pieces = sorted([*_base64_texts(view), *_hexadecimal_texts(view)]) if view.runs else []
    return _changed(view, _disjoint(pieces)) if pieces else None


def _disjoint(pieces: list[_Piece]) -> list[_Piece]:
    """Return the pieces without those that start inside another."""
    separate: list[_Piece] = []
    for piece in pieces:
        if not separate or piece[0] >= separate[-1][1]:
            separate.append(piece)
    return separate


def _base64_texts(view: View) -> Iterator[_Piece]:
    """Yield the runs of base64 that encode a text; hashes, keys and images do not."""
    for match in _BASE64.finditer(view.text) if _BASE64.search(view.listed_runs) else ():
        digits = re.sub(r"[\r\n=]", "", match[0]).translate(_STANDARD_DIGITS)
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        content = base64.b64decode(digits + "=" * (-len(digits) % 4))
        text = content.decode("utf-8", "replace").replace("\0", "").replace(FILLER, "\ufffd")
        yield match.start(), match.end(), text


def _hexadecimal_texts(view: View) -> Iterator[_Piece]:
    for match in _HEX.finditer(view.text) if _HEX.search(view.listed_runs) else ():
        yield match.start(), match.end(), bytes.fromhex(match[0]).decode("ascii")
