"""The schemas sent to models, and answers fitted to them."""

import pytest

from shared.contracts import FixOpinion, Judgement, RootCauses, Suggestions
from shared.model import schema

SUPPORTED = {"$defs", "$ref", "type", "title", "description", "enum", "format", "items", "minItems", "maxItems",
             "minimum", "maximum", "anyOf", "properties", "required"}  # fmt: skip


def _keywords(node: object, *, names: bool = False) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_keywords(item) for item in node))
    if not isinstance(node, dict):
        return set()
    inner = [_keywords(value, names=key in ("properties", "$defs")) for key, value in node.items()]
    return set().union(*inner, set() if names else set(node))


@pytest.mark.parametrize("contract", [FixOpinion, Judgement, RootCauses, Suggestions])
def test_only_keywords_that_gemini_supports_are_sent(contract) -> None:
    """In production, Gemini refuses an unknown keyword."""
    assert _keywords(schema.wire(contract.model_json_schema())) <= SUPPORTED


def test_length_limits_are_in_the_descriptions() -> None:
    """Gemini does not support maxLength, but reads descriptions."""
    sent = schema.wire(Judgement.model_json_schema())

    assert "At most 2000 characters." in sent["properties"]["reasoning"]["description"]


def test_fields_that_code_fills_are_left_out() -> None:
    """They are neither in the properties nor required."""
    sent = schema.wire(RootCauses.model_json_schema(), without=("produced_by", "degraded"))

    assert set(sent["properties"]) == {"root_causes", "most_likely", "unknowns"}


def test_prose_and_lists_are_truncated_and_code_is_not() -> None:
    """Truncated prose is still readable; a truncated file is broken."""
    code = "x" * 50_000
    patch = {"strategy": "fix", "files_to_modify": [{"path": "p" * 900, "original": code, "new": code}] * 99}
    fitted = schema.fit({"incident_category": "unknown", "patch": patch, "category_reason": "r" * 9_000,
                         "of another year": "y" * 9_000}, FixOpinion.model_json_schema())  # fmt: skip

    assert len(fitted["category_reason"]) == 1_000
    assert fitted["patch"]["files_to_modify"][0]["new"] == code
    assert len(fitted["of another year"]) == 9_000
