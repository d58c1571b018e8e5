"""Text as a literal in a query."""

import pytest

from shared.errors import Rejected
from shared.text.literals import quoted


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", '"plain"'),
        ('quo"te', r'"quo\"te"'),
        ("back\\slash", r'"back\\slash"'),
        ("line\nfeed\r\t", r'"line\nfeed\r\t"'),
        ("nul\x00bell\x07", r'"nul\u0000bell\u0007"'),
        ("`{}|=~`", '"`{}|=~`"'),
        ("é🌙", '"é🌙"'),
    ],
)
def test_any_text_becomes_one_string_literal(value: str, literal: str) -> None:
    """The escapes are those of JSON, which Go reads too."""
    assert quoted(value) == literal


def test_what_is_not_unicode_is_rejected() -> None:
    """No query can contain it."""
    with pytest.raises(Rejected, match="not valid Unicode"):
        quoted("half a pair: \ud800")
