"""Finds which of many words a line holds: lines repeat, and what one cannot hold, none of its shape can."""

from collections.abc import Iterable, Sequence
from functools import lru_cache

SHAPE = bytes.maketrans(b"0123456789abcdef", b"0" * 16)
"""Numbers and ids differ from line to line, in little else but these characters."""
MAX_SHAPES = 512
"""A service writes fewer kinds of lines; those used last are held."""


class WordSearch:
    """
    Searches lines for words.

    A line that holds a word has a shape that holds the shape of the word. So a line is searched only for the words that
    lines of its shape may hold, mostly none.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self._possible_in = lru_cache(maxsize=MAX_SHAPES)(self._of_shape)

    def words_in(self, text: str) -> Sequence[str]:
        """Return the words that the text holds, in their order."""
        possible = self._possible_in(_shape(text))
        return [word for word in possible if word in text] if possible else ()

    def _of_shape(self, shape: bytes) -> tuple[str, ...]:
        return tuple(word for word in self._words if _shape(word) in shape)


def _shape(text: str) -> bytes:
    # Of bytes, because these are translated ten times as fast as characters.
    return text.encode(errors="surrogatepass").translate(SHAPE)
