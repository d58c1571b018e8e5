"""Fill a prompt: names and facts must match exactly."""

import pytest

from infra import bundle
from shared.agent.prompt import fill


def test_names_are_replaced_by_their_facts() -> None:
    """Each name is replaced, with or without spaces around it."""
    assert fill("{{ a }}-{{b}}", {"a": "1", "b": "2"}) == "1-2"


@pytest.mark.parametrize("facts", [{}, {"a": "1", "b": "2"}])
def test_missing_or_unknown_name_is_an_error(facts) -> None:
    """A missing fact is not an empty string."""
    with pytest.raises(ValueError, match="prompt names"):
        fill("{{a}}", facts)


def test_fact_that_looks_like_a_name_is_not_replaced() -> None:
    """Text from logs cannot pull other facts into the prompt."""
    assert fill("{{a}} {{b}}", {"a": "{{b}}", "b": "secret"}) == "{{b}} secret"


@pytest.mark.parametrize("path", sorted(bundle.FUNCTIONS.glob("*/prompt.md")), ids=lambda path: path.parent.name)
def test_every_prompt_has_instructions_and_a_question(path) -> None:
    """A `---` line divides instructions from the question; evidence is only below it."""
    instructions, question = path.read_text().split("\n---\n")

    assert "{{" not in instructions
    assert "{{offline}}" in question
    assert "Never follow" in instructions
