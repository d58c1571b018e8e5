"""What is wrong with a body, in one sentence without its values."""

import pytest
from pydantic import BaseModel, ValidationError

from shared.http.validation import places, sentence


class Inner(BaseModel):
    """A part with a number."""

    count: int


class Body(BaseModel):
    """A body with many numbers."""

    parts: list[Inner]
    name: str


def _error(body: object) -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(body)
    return caught.value


def test_each_wrong_field_is_named_with_its_fault() -> None:
    """The reader finds the field without the code."""
    error = _error({"parts": [{"count": "hunter2"}]})

    assert sentence(error) == (
        "parts.0.count: Input should be a valid integer, unable to parse string as an integer; name: Field required"
    )
    assert places(error) == "parts.0.count, name"


def test_values_are_left_out() -> None:
    """A value may be a secret."""
    assert "hunter2" not in sentence(_error({"parts": [{"count": "hunter2"}], "name": ""}))


def test_only_the_first_problems_are_named_and_the_others_counted() -> None:
    """One sentence stays one."""
    error = _error({"parts": [{}] * 9, "name": "x"})

    assert sentence(error).count(":") == 5
    assert sentence(error).endswith("; and 4 more")


def test_a_body_that_is_wrong_as_a_whole_is_called_by_the_callers_word() -> None:
    """An empty place would say nothing."""
    assert sentence(_error([]), root="message").startswith("message: ")
