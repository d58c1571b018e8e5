"""Contracts as models are told them."""

import pytest

from shared.contracts import FixOpinion, Judgement, RootCauses, Suggestions
from shared.model import schema

KNOWN = {"$defs", "$ref", "type", "title", "description", "enum", "format", "items", "minItems", "maxItems", "minimum",
         "maximum", "anyOf", "properties", "required"}  # fmt: skip


def _keywords(node: object, *, names: bool = False) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_keywords(item) for item in node))
    if not isinstance(node, dict):
        return set()
    inner = [_keywords(value, names=key in ("properties", "$defs")) for key, value in node.items()]
    return set().union(*inner, set() if names else set(node))


@pytest.mark.parametrize("contract", [FixOpinion, Judgement, RootCauses, Suggestions])
def test_only_keywords_gemini_knows_are_sent(contract) -> None:
    """An unknown keyword is a refusal in production."""
    assert _keywords(schema.wire(contract.model_json_schema())) <= KNOWN


def test_bounds_on_length_are_said_in_words() -> None:
    """Gemini knows no maxLength, but reads descriptions."""
    told = schema.wire(Judgement.model_json_schema())

    assert "At most 2000 characters." in told["properties"]["reasoning"]["description"]


def test_fields_of_code_are_left_out() -> None:
    """Neither offered nor required."""
    told = schema.wire(RootCauses.model_json_schema(), without=("produced_by", "degraded"))

    assert set(told["properties"]) == {"root_causes", "most_likely", "unknowns"}


def test_prose_and_lists_are_cut_and_code_is_not() -> None:
    """Half a sentence is a sentence; half a file is a broken file."""
    code = "x" * 50_000
    patch = {"strategy": "fix", "files_to_modify": [{"path": "p" * 900, "original": code, "new": code}] * 99}
    fitted = schema.fit({"incident_category": "unknown", "patch": patch, "category_reason": "r" * 9_000,
                         "of another year": "y" * 9_000}, FixOpinion.model_json_schema())  # fmt: skip

    assert len(fitted["category_reason"]) == 1_000
    assert fitted["patch"]["files_to_modify"][0]["new"] == code
    assert len(fitted["of another year"]) == 9_000
