"""The little of protobuf and of Terraform's values that the mock provider reads and writes."""

import json
from typing import Any

import msgpack

Fields = dict[int, bytes]
NESTING = {"single": 1, "list": 2, "set": 3}
_FLAGS = {4: "required", 5: "optional", 6: "computed"}
_UNKNOWN = 0
"""The code of msgpack's extension by which Terraform writes a value that is known only after the apply."""


def unknown() -> msgpack.ExtType:
    """Return the value that is known only after the apply."""
    return msgpack.ExtType(_UNKNOWN, b"\0")


def is_unknown(value: object) -> bool:
    """Return whether a value is known only after the apply; 12 is an unknown one of which something is known."""
    return isinstance(value, msgpack.ExtType) and value.code in (_UNKNOWN, 12)


def value_of(encoded: bytes) -> Any:
    """Return the value in a DynamicValue."""
    return msgpack.unpackb(decode(encoded)[1])


def dynamic(value: object) -> bytes:
    """Return a value as a DynamicValue."""
    return packed_bytes(1, msgpack.packb(value))


def schema(schema: dict[str, Any]) -> bytes:
    """Return the schema of a resource, a data source or a provider."""
    return number(1, schema["version"]) + packed_bytes(2, _block(schema["block"]))


def _block(block: dict[str, Any]) -> bytes:
    encoded = b""
    for name, attribute in block["attributes"].items():
        flags = b"".join(number(at, 1) for at, flag in _FLAGS.items() if attribute.get(flag))
        encoded += packed_bytes(2, text(1, name) + text(2, json.dumps(attribute["type"])) + flags)
    for name, nested in block.get("block_types", {}).items():
        bounds = number(4, nested.get("min_items", 0)) + number(5, nested.get("max_items", 0))
        nesting = number(3, NESTING[nested["nesting_mode"]])
        encoded += packed_bytes(3, text(1, name) + packed_bytes(2, _block(nested["block"])) + nesting + bounds)
    return encoded


def decode(encoded: bytes) -> Fields:
    """Return the length-delimited fields of a protobuf message; these messages have one of each."""
    fields: Fields = {}
    at = 0
    while at < len(encoded):
        key, at = _varint(encoded, at)
        size, at = _varint(encoded, at)
        if key & 7 == 2:
            fields[key >> 3] = encoded[at : at + size]
            at += size
    return fields


def _varint(encoded: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = encoded[at]
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
        if byte < 128:
            return value, at


def number(field: int, value: int) -> bytes:
    """Return a field that holds a number."""
    return _packed(field << 3) + _packed(value)


def text(field: int, value: str) -> bytes:
    """Return a field that holds a text."""
    return packed_bytes(field, value.encode())


def packed_bytes(field: int, value: bytes) -> bytes:
    """Return a field that holds bytes or another message."""
    return _packed(field << 3 | 2) + _packed(len(value)) + value


def _packed(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
