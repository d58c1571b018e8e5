"""JSON of others: a depth that no walk over it survives is no JSON."""

import json

import pytest

from shared.json_text import MAX_DEPTH, parsed
from shared.redaction import redact_json


def _nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize("text", ['{"a": [1, 2.5, null, true, "x"]}', "[]", "7", '"x"', '{"a": NaN}'])
def test_json_is_read_as_it_is(text: str) -> None:
    """Loggers write NaN too."""
    assert json.dumps(parsed(text.encode())) == json.dumps(json.loads(text))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 5_000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_what_is_nested_too_deep_is_refused(depth: int, opening: str, closing: str) -> None:
    """Below Python's own limit as above it: whoever walks over it would fail."""
    text = opening * depth + "1" + closing * depth

    with pytest.raises(ValueError, match=f"nested deeper than {MAX_DEPTH} values"):
        parsed(text)


def test_deepest_that_is_read_can_be_walked() -> None:
    """The bound is below what a recursive walk can do."""
    value = parsed(_nested(MAX_DEPTH))

    assert redact_json(value) == value


@pytest.mark.parametrize("text", ["", "{", b"\xff", "nul", "1 2"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    """One kind of error, whatever is wrong."""
    with pytest.raises(ValueError, match=r"."):
        parsed(text)


def test_constants_that_are_no_json_are_left_to_the_caller() -> None:
    """The store keeps none."""
    assert parsed("[NaN, -Infinity]", str) == ["NaN", "-Infinity"]
