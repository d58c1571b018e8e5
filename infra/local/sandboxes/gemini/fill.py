"""Fills a JSON Schema as a model that agrees with the offline analyst would: from the evidence in its prompt."""

from collections.abc import Callable
from typing import Any

from infra.local.sandboxes.gemini.request import ModelRequest

Words = Callable[[str], str]
"""Returns the text for a field, given the field's name."""


def grounded(request: ModelRequest) -> dict[str, Any]:
    """
    Return an answer that meets the schema: what the offline analyst answered.

    Fields that it left empty are omitted where the schema allows it. Otherwise, or without its answer, they are filled
    with plausible values.
    """
    offline = request.facts.get("offline", {})
    schema = request.schema
    filled = {
        name: offline[name] if name in offline else _value(name, part, schema, _plain)
        for name, part in schema.get("properties", {}).items()
        if name in offline or name in schema.get("required", ()) or not offline
    }
    if "summary" in schema.get("properties", {}):
        filled["summary"] = _summary(request.facts)
    if "ranking" in schema.get("properties", {}):
        filled["ranking"] = [
            each["advice_id"] for each in offline.get("suggestions") or offline.get("mitigations") or []
        ]
    for cause in filled.get("root_causes") or []:
        cause.setdefault("quotes", _quotes(request, cause.get("evidence_ids", [])))
    return filled


def filled(schema: dict[str, Any], words: Words) -> dict[str, Any]:
    """Return an answer that meets the schema with `words` in every text field."""
    return {name: _value(name, part, schema, words) for name, part in schema.get("properties", {}).items()}


def _value(name: str, part: dict[str, Any], root: dict[str, Any], words: Words) -> Any:
    part = _resolved(part, root)
    if "enum" in part:
        return part["enum"][0]
    kind = part.get("type")
    if kind == "object":
        return {key: _value(key, child, root, words) for key, child in part.get("properties", {}).items()}
    if kind == "array":
        return [_value(name, part.get("items", {}), root, words)]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return part.get("maximum", part.get("minimum", 1))
    return words(name)


def _resolved(part: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference; of several alternatives take the first."""
    if "anyOf" in part:
        part = part["anyOf"][0]
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    return dict(root.get("$defs", {}).get(name, part))


def _plain(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."


def _summary(facts: dict[str, Any]) -> str:
    """Return the opening of a brief, from the texts of the other answers."""
    symptoms = facts.get("incident", {}).get("initial_symptoms") or ["Something fails"]
    sentences = [symptoms[0], facts.get("root_causes", {}).get("most_likely", "")]
    sentences.append(facts.get("suggestions", {}).get("recommended_action", ""))
    return " ".join(filter(None, sentences))


def _quotes(request: ModelRequest, ids: list[str]) -> list[dict[str, str]]:
    texts = {piece["id"]: piece.get("text", "") for piece in request.evidence}
    return [{"evidence_id": id_, "text": texts[id_][:80]} for id_ in ids if texts.get(id_)][:1]
