"""Reading YAML and JSON the way Workflows does."""

import pytest

from infra.local.engine import DefinitionRejected
from infra.local.engine.language import source


def test_words_with_a_yaml_1_1_meaning_stay_text() -> None:
    """Only true, false and null have a meaning; times, dates and `yes` are text."""
    assert source.read("[yes, on, 12:30, 2024-01-01, 1_000]") == ["yes", "on", "12:30", "2024-01-01", "1_000"]
    assert source.read("[TRUE, False, ~, NULL, null]") == [True, False, None, None, None]


def test_numbers_are_integers_or_doubles() -> None:
    """Quoted numbers are text."""
    assert source.read("[1, -2, 1.5, 1e3, '7', 0x10]") == [1, -2, 1.5, 1000.0, "7", 16]


def test_json_is_read_too() -> None:
    """JSON may be indented with tabs."""
    assert source.read('{\n\t"a": [\n\t\ttrue\n\t]\n}') == {"a": [True]}


def test_anchors_and_merges_are_resolved() -> None:
    """An explicit key overrides a merged one."""
    assert source.read("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: *x") == {
        "a": {"p": 1, "q": 2},
        "b": {"p": 1, "q": 3},
        "c": {"p": 1, "q": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\na: 2", "duplicate key"),
        ("", "empty"),
        ("a: [", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("? [1]\n: 2", "must be text"),
        ("a: &x [*x]", "contains itself"),
        ("x: " + "y" * 131_072, "bytes"),
    ],
)
def test_invalid_source_is_rejected(text: str, message: str) -> None:
    """The message names the error."""
    with pytest.raises(DefinitionRejected, match=message):
        source.read(text)


def test_nested_aliases_cannot_exhaust_memory() -> None:
    """Nine levels of nine aliases are rejected, not expanded."""
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]

    with pytest.raises(DefinitionRejected, match="too much"):
        source.read("\n".join(lines))
