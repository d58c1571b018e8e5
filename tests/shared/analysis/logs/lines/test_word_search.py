"""Words that are looked for in many lines."""

from hypothesis import given
from hypothesis import strategies as st

from shared.analysis.logs.lines.word_search import MAX_SHAPES, WordSearch

WORDS = ("anic", "#0 ", "café", "** ")


@given(st.lists(st.text("acin0# *7bé", max_size=12), max_size=5))
def test_every_word_of_a_line_is_found_whatever_came_before(texts: list[str]) -> None:
    """Lines of one shape may hold different words."""
    search = WordSearch(WORDS)

    for text in texts:
        assert list(search.words_in(text)) == [word for word in WORDS if word in text]


def test_shapes_are_bounded() -> None:
    """Whoever can write lines may write them in any number of shapes."""
    search = WordSearch(WORDS)

    for number in range(2 * MAX_SHAPES):
        search.words_in("x" * number)

    assert search._possible_in.cache_info().currsize == MAX_SHAPES
