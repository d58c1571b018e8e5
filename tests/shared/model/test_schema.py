"""The schemas sent to models, and what is taken out of their answers."""

import pytest

from shared.agent.agent import OURS
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
    assert _keywords(schema.wire(contract.model_json_schema(), OURS)) <= SUPPORTED


def test_length_limits_are_in_the_descriptions() -> None:
    """Gemini does not support maxLength, but reads descriptions."""
    sent = schema.wire(Judgement.model_json_schema())

    assert "At most 2000 characters." in sent["properties"]["reasoning"]["description"]


def test_fields_that_code_fills_are_left_out() -> None:
    """They are neither in the properties nor required, however deep."""
    sent = schema.wire(RootCauses.model_json_schema(), ("left_out", "produced_by", "degraded", "hypothesis"))

    assert set(sent["properties"]) == {"root_causes", "most_likely", "unknowns"}
    assert "hypothesis" not in sent["$defs"]["RootCause"]["properties"]
    assert sent["$defs"]["RootCause"]["required"] == ["confidence"]


def test_what_only_code_may_write_is_taken_out_of_an_answer_however_deep() -> None:
    """A model that claims to have left entries out is not believed."""
    answer = {"left_out": {"steps": 9}, "suggestions": [{"description": "restart", "left_out": {"steps": 9}}]}

    assert schema.without(answer, OURS) == {"suggestions": [{"description": "restart"}]}
