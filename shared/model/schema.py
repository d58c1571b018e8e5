"""Schemas for Gemini: only keywords that it supports, length limits in descriptions, only what a model may write.

Source: https://ai.google.dev/gemini-api/docs/structured-output#json-schema-support
"""

from collections.abc import Collection, Mapping
from typing import Any

_SUPPORTED = {"$defs", "$ref", "type", "title", "description", "enum", "format", "items", "prefixItems", "minItems",
              "maxItems", "minimum", "maximum", "anyOf", "properties", "required", "additionalProperties"}  # fmt: skip
_FORMATS = {"date", "date-time", "time"}


def wire(schema: Mapping[str, Any], ours: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema with only the keywords that Gemini supports, without the properties named in `ours`."""
    return _node(schema, ours)


def without(value: Any, names: Collection[str]) -> Any:
    """Return JSON without the properties of these names, however deep."""
    if isinstance(value, list):
        return [without(item, names) for item in value]
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return value


def _node(schema: Mapping[str, Any], ours: Collection[str]) -> dict[str, Any]:
    node = {name: _part(name, value, ours) for name, value in schema.items() if name in _SUPPORTED}
    if "const" in schema:
        node["enum"] = [schema["const"]]
    if node.get("format") not in _FORMATS:
        node.pop("format", None)
    if limit := schema.get("maxLength"):
        node["description"] = f"{node.get('description', '')} At most {limit} characters.".strip()
    return node


def _part(name: str, value: Any, ours: Collection[str]) -> Any:
    if name in ("$defs", "properties"):
        return {key: _node(child, ours) for key, child in value.items() if key not in ours}
    if name == "required":
        return [key for key in value if key not in ours]
    if name == "anyOf":
        return [_node(child, ours) for child in value]
    if name in ("items", "additionalProperties") and isinstance(value, Mapping):
        return _node(value, ours)
    return value
