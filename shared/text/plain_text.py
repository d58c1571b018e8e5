"""Text as a reader sees it, and a model's prose made inert; what is checked and what is rendered pass here alike."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

UNDRAWN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufffb\ufffe\uffff\U000e0000-\U000e0fff]"
)
"""What Unicode lets a program not draw, beside control and format characters: joiners, fillers, variation selectors."""
LIKE_LATIN = str.maketrans(
    "аеорсхуіјѕԁһӏցԛԝАВЕКМНОРСТХУІЈЅԌԚԜοανρικυχϲϳΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹͿօոսհզօıɑɡɩ",
    "aeopcxyijsdhlgqwABEKMHOPCTXYIJSGQWoavpikuxcjABEZHIKMNOPTYXCJonuhqoiagi",
)
"""Letters that are drawn as Latin ones. Source: https://www.unicode.org/Public/security/latest/confusables.txt"""
_LIKE_MARKS = str.maketrans("\u2010\u2011\u2212\u2044\u2215\u29f8\ua789\u02d0\u2236\u2028\u2029\u2800", "---///:::   ")
"""Hyphens, slashes, colons, line ends and blanks under another code."""
_FULL_STOP = re.compile("(?<=\\w)\u3002(?=[A-Za-z0-9])")
"""A browser takes this stop inside a host's name for a dot."""
_PLAIN = re.compile(r"[\n\t\x20-\x7e]*")
_WORD = re.compile("[\\w.\u3002\u0300-\u036f-]+")
_AUTHORITY = re.compile(r":/{2,}(?=[\w\[])")
_SCHEME, _SCHEME_CHARS = re.compile(r"[\w+.-]*+\Z"), 64
# The look-behind comes after the first mark: the search then skips at once to where one is.
_EMPHASIS = re.compile(r"\*(?<![\w<*]\*)\*{0,2}(?=[^\s*>])([^*]*[^\s*])\*{1,3}(?![\w*>])")
_PASSES = 8
"""More than prose needs: marks that are nested deeper were written to be slow to read, and go all at once."""


def as_rendered(text: str) -> str:
    """
    Return the text as a reader sees it, which leaves nothing to disagree on between a check and a page.

    Marks without a drawing of their own and those that change the direction of writing are gone, characters that only
    look otherwise have their plain form (NFKC), and a word that mixes Latin letters with look-alikes is Latin.
    """
    if _PLAIN.fullmatch(text):
        return text
    # A letter that became Latin may make a stop one of a host's name, which joins the words around it.
    while (again := _rewritten(text)) != text:
        text = again
    return text


def _rewritten(text: str) -> str:
    marked = _FULL_STOP.sub(".", _mapped(_composed(_drawn(text)), _LIKE_MARKS))
    return _drawn(_composed(marked if _holds_none(marked, LIKE_LATIN) else _WORD.sub(_in_latin, marked)))


def inert(text: str) -> str:
    """
    Return prose of a model as text that no page can make more of: one line, without marks of code or emphasis.

    A line end can forge a heading or a label. Backticks make what looks like a command, so they become quotation marks.
    An address loses its scheme, so that it is the name of a host and a path.
    """
    # What goes can bring together what then goes too, so that only a text in which nothing is left to go is inert.
    for _ in range(_PASSES):
        if (bare := _bare(text)) == text:
            return text
        text = bare
    return _bare(re.sub("[*/]+", " ", text))


def _bare(text: str) -> str:
    words = _without_schemes(re.sub("`+", "'", as_rendered(text)))
    return " ".join(_EMPHASIS.sub(r"\1", words).split())


def _without_schemes(text: str) -> str:
    """Return the text with a blank for the scheme of each address; else each that goes may make another one."""
    pieces, done = [], 0
    for match in _AUTHORITY.finditer(text):
        colon = match.start()
        scheme = _SCHEME.search(text, max(done, colon - _SCHEME_CHARS), colon)
        assert scheme is not None, "an empty scheme is one"
        pieces += [text[done : scheme.start()], " "]
        done = match.end()
    return "".join([*pieces, text[done:]])


def _drawn(text: str) -> str:
    """Return the text without what is not drawn; tabs and line feeds are."""
    undrawn = {ord(char): None for char in set(text) if _is_undrawn(char)}
    return text.translate(undrawn) if undrawn else text


@lru_cache(1_024)
def _is_undrawn(char: str) -> bool:
    is_hidden = char not in "\n\t" and unicodedata.category(char) in ("Cc", "Cf", "Cs")
    return is_hidden or UNDRAWN.match(char) is not None


def _composed(text: str) -> str:
    # NFKC would write the mark of a truncated text as three full stops.
    return "…".join(unicodedata.normalize("NFKC", part) for part in text.split("…"))


def _mapped(text: str, table: Mapping[int, str | int]) -> str:
    return text if _holds_none(text, table) else text.translate(table)


def _holds_none(text: str, table: Mapping[int, str | int]) -> bool:
    """Whether no character of the text is in a table: a text has few different ones."""
    return table.keys().isdisjoint(map(ord, set(text)))


def _in_latin(match: re.Match[str]) -> str:
    word = match[0]
    return word.translate(LIKE_LATIN) if re.search(r"[A-Za-z]", word) else word
