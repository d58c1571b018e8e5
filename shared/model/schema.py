"""Schemas for Gemini: only keywords that it supports, length limits in descriptions, answers fitted to the limits.

Source: https://ai.google.dev/gemini-api/docs/structured-output#json-schema-support
"""

from collections.abc import Collection, Mapping
from typing import Any

_SUPPORTED = {"$defs", "$ref", "type", "title", "description", "enum", "format", "items", "prefixItems", "minItems",
              "maxItems", "minimum", "maximum", "anyOf", "properties", "required", "additionalProperties"}  # fmt: skip
_FORMATS = {"date", "date-time", "time"}
PROSE_CHARS = 5_000
"""Longer fields hold code, which truncation would break."""


def wire(schema: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON Schema with only the keywords that Gemini supports, minus the properties in `without`."""
    sent = _node(schema)
    properties = {name: value for name, value in sent.get("properties", {}).items() if name not in without}
    required = [name for name in sent.get("required", []) if name not in without]
    return {**sent, "properties": properties, **({"required": required} if required else {})}


def fit(value: Any, schema: Mapping[str, Any]) -> Any:
    """
    Return a model's answer with prose and lists truncated to the limits of `schema`, and the rest unchanged.

    Long prose is not worth a retry; code is never truncated, so code that is too long fails validation.
    """
    return _fit(value, schema, schema.get("$defs", {}))


def _node(schema: Mapping[str, Any]) -> dict[str, Any]:
    node = {name: _part(name, value) for name, value in schema.items() if name in _SUPPORTED}
    if "const" in schema:
        node["enum"] = [schema["const"]]
    if node.get("format") not in _FORMATS:
        node.pop("format", None)
    if limit := schema.get("maxLength"):
        node["description"] = f"{node.get('description', '')} At most {limit} characters.".strip()
    return node


def _part(name: str, value: Any) -> Any:
    if name in ("$defs", "properties"):
        return {key: _node(child) for key, child in value.items()}
    if name == "anyOf":
        return [_node(child) for child in value]
    if name in ("items", "additionalProperties") and isinstance(value, Mapping):
        return _node(value)
    return value


def _fit(value: Any, schema: Mapping[str, Any], defs: Mapping[str, Any]) -> Any:
    schema = defs.get(str(schema.get("$ref", "")).removeprefix("#/$defs/"), schema)
    if isinstance(value, str):
        return _truncate(value, schema)
    if isinstance(value, list):
        return [_fit(item, schema.get("items", {}), defs) for item in value[: schema.get("maxItems")]]
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        return {name: _fit(item, properties.get(name, {}), defs) for name, item in value.items()}
    return value


def _truncate(text: str, schema: Mapping[str, Any]) -> str:
    limit = schema.get("maxLength", PROSE_CHARS + 1)
    return text[:limit] if limit <= PROSE_CHARS else text
