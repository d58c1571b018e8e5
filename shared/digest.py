"""Reduce a contract to a number of bytes: the most important entries of its lists, shorter texts, then fewer fields."""

from dataclasses import replace
from typing import Any, TypeVar, get_args

from pydantic.fields import FieldInfo

from shared.bounds import AtMost, Contract, FirstToGo, Keep, marks_of

_SHARES = tuple(0.8**step for step in range(18))
"""What remains of each bound, tried in turn; in small steps, so that one more field costs no half of the others."""

Message = TypeVar("Message", bound=Contract)


def json_bytes(contract: Contract) -> int:
    """Return the size of the contract as JSON, in bytes."""
    return len(contract.model_dump_json().encode())


def digest(contract: Message, max_bytes: int) -> Message:
    """
    Return the contract itself when its JSON fits, else the most important of it; `left_out` says what lists lost.

    Fields that are the first to go do; then texts and lists shrink with their bounds; then the largest fields that may
    be absent go. Raises ValueError when even the required fields do not fit.
    """
    if json_bytes(contract) <= max_bytes:
        return contract
    contract = contract.replace(**_first_to_go(contract))
    for share in _SHARES:
        reduced = _reduced(contract, share)
        if json_bytes(reduced) <= max_bytes:
            return reduced
    droppable = [name for name, field in type(contract).model_fields.items() if _holds_more(contract, name, field)]
    if not droppable:
        raise ValueError(f"{type(contract).__name__} does not fit into {max_bytes} bytes")
    # What cannot shrink, such as a patch, goes first; the other fields then need not shrink as far.
    heaviest = max(droppable, key=lambda name: json_bytes_of(reduced, name))
    return digest(contract.replace(**{heaviest: _default(type(contract).model_fields[heaviest])}), max_bytes)


def _first_to_go(contract: Contract) -> dict[str, Any]:
    fields = type(contract).model_fields.items()
    return {name: _default(field) for name, field in fields if any(isinstance(m, FirstToGo) for m in field.metadata)}


def _reduced(contract: Message, share: float) -> Message:
    if share == 1.0:
        return contract
    changes: dict[str, Any] = {}
    lost: dict[str, int] = {}
    for name, field in type(contract).model_fields.items():
        value = getattr(contract, name)
        if name == "left_out" or value is None:
            continue
        marks = marks_of(field.annotation, field.metadata)
        changes[name] = _reduced_value(contract, value, field.annotation, marks, share)
        if isinstance(value, list | dict) and len(changes[name]) < len(value):
            lost[name] = contract.left_out.get(name, 0) + len(value) - len(changes[name])
    return contract.replace(**changes, left_out=lost)


def _reduced_value(owner: Contract, value: Any, annotation: Any, marks: list[Any], share: float) -> Any:
    match value:
        case Contract():
            return _reduced(value, share)
        case str():
            bound = next((mark for mark in marks if isinstance(mark, AtMost)), None)
            limit = len(value) if bound is None else max(1, int(bound.limit * share))
            return value if bound is None or len(value) <= limit else replace(bound, limit=limit).shorten(value)
        case list():
            inner = next(iter(get_args(annotation)), None)
            return [
                _reduced_value(owner, each, inner, marks_of(inner), share)
                for each in _most_important(owner, value, marks, share)
            ]
        case dict():
            inner = next(iter(get_args(annotation)[1:]), None)
            entries = _most_important(owner, list(value.items()), marks, share)
            return {key: _reduced_value(owner, each, inner, marks_of(inner), share) for key, each in entries}
    return value


def _most_important(owner: Contract, entries: list[Any], marks: list[Any], share: float) -> list[Any]:
    keep = next((mark for mark in marks if isinstance(mark, Keep)), None)
    return (
        entries if keep is None else replace(keep, limit=max(1, int(keep.limit * share))).most_important(owner, entries)
    )


def json_bytes_of(contract: Contract, name: str) -> int:
    """Return the size of one field as JSON, in bytes."""
    return len(contract.model_dump_json(include={name}).encode())


def _holds_more(contract: Contract, name: str, field: FieldInfo) -> bool:
    return not field.is_required() and name != "left_out" and getattr(contract, name) != _default(field)


def _default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True, validated_data={})
