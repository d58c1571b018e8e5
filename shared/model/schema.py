"""Contracts as models are told them: the keywords Gemini knows, bounds as words, and answers fitted to their bounds.

Source: https://ai.google.dev/gemini-api/docs/structured-output#json-schema-support
"""

from collections.abc import Collection, Mapping
from typing import Any

_KNOWN = {"$defs", "$ref", "type", "title", "description", "enum", "format", "items", "prefixItems", "minItems",
          "maxItems", "minimum", "maximum", "anyOf", "properties", "required", "additionalProperties"}  # fmt: skip
_FORMATS = {"date", "date-time", "time"}
PROSE_CHARS = 5_000
"""Longer fields hold code, which a cut would break."""


def wire(schema: Mapping[str, Any], without: Collection[str] = ()) -> dict[str, Any]:
    """Return a JSON Schema in the part of the language Gemini knows, less the properties named in `without`."""
    told = _node(schema)
    properties = {name: value for name, value in told.get("properties", {}).items() if name not in without}
    required = [name for name in told.get("required", []) if name not in without]
    return {**told, "properties": properties, **({"required": required} if required else {})}


def fit(value: Any, schema: Mapping[str, Any]) -> Any:
    """
    Return a model's answer with prose and lists cut to the bounds of `schema`, everything else as it is.

    A sentence too long is no reason to ask again; code is never cut, so that it fails instead.
    """
    return _fit(value, schema, schema.get("$defs", {}))


def _node(schema: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: _part(name, value) for name, value in schema.items() if name in _KNOWN}
    if "const" in schema:
        told["enum"] = [schema["const"]]
    if told.get("format") not in _FORMATS:
        told.pop("format", None)
    if limit := schema.get("maxLength"):
        told["description"] = f"{told.get('description', '')} At most {limit} characters.".strip()
    return told


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
        return _cut(value, schema)
    if isinstance(value, list):
        return [_fit(item, schema.get("items", {}), defs) for item in value[: schema.get("maxItems")]]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return {name: _fit(item, known.get(name, {}), defs) for name, item in value.items()}
    return value


def _cut(text: str, schema: Mapping[str, Any]) -> str:
    limit = schema.get("maxLength", PROSE_CHARS + 1)
    return text[:limit] if limit <= PROSE_CHARS else text
