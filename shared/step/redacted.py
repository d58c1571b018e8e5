"""The last redaction of what a step answers, before it is signed, stored and handed on."""

from typing import Any, TypeVar

from shared.bounds import Contract
from shared.contracts import FileEdit
from shared.redaction import redact

Part = TypeVar("Part", bound=Contract)


def redacted(part: Part) -> Part:
    """
    Return the contract without secrets in any of its texts.

    An edit of a patch stays: its texts are exact, and solution_generator withholds one that holds a credential.
    """
    fields = {name: getattr(part, name) for name in type(part).model_fields}
    changes = {name: clean for name, value in fields.items() if (clean := _clean(value)) is not value}
    return part.replace(**changes) if changes else part


def _clean(value: Any) -> Any:
    """Return the value without secrets, the same object when it has none."""
    if isinstance(value, str):
        clean = redact(value)
        return value if clean == value else clean
    if isinstance(value, Contract):
        return value if isinstance(value, FileEdit) else redacted(value)
    if isinstance(value, dict):
        fields = {name: _clean(item) for name, item in value.items()}
        return value if all(fields[name] is item for name, item in value.items()) else fields
    if isinstance(value, list):
        items = [_clean(item) for item in value]
        return value if all(new is old for new, old in zip(items, value, strict=True)) else items
    return value
