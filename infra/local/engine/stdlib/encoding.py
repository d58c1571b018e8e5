"""Modules `json`, `base64`, `hash` and `uuid`."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import uuid

from infra.local.engine.language.errors import type_error, value_error
from infra.local.engine.language.values import Value, from_json, to_json, type_name
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, pure

_ALGORITHMS = frozenset({"MD5", "SHA1", "SHA224", "SHA256", "SHA384", "SHA512"})


def json_decode(data: Value) -> Value:
    """Return the value of JSON text or bytes."""
    if not isinstance(data, (str, bytes)):
        raise type_error(f"data must be a string or bytes, not {type_name(data)}")
    try:
        return from_json(data)
    except ValueError as error:
        raise value_error(f"data is not JSON: {error}") from error


def json_encode(data: Value, indent: Value = False) -> Value:
    """Return the value as JSON bytes, in UTF-8."""
    return _encoded(data, indent).encode("utf-8")


def json_encode_to_string(data: Value, indent: Value = False) -> Value:
    """Return the value as JSON text."""
    return _encoded(data, indent)


def _encoded(data: Value, indent: Value) -> str:
    prefix, step = _indentation(indent)
    try:
        encoded = to_json(data, indent=step)
    except ValueError as error:
        raise value_error(str(error)) from error
    return encoded.replace("\n", f"\n{prefix}") if step is not None else encoded


def _indentation(indent: Value) -> tuple[str, str | None]:
    if indent is None or indent is False:
        return "", None
    options = {} if indent is True else arguments.mapping(indent, "indent")
    return arguments.text(options.get("prefix", ""), "prefix"), arguments.text(options.get("indent", "    "), "indent")


def base64_decode(data: Value, padding: Value = True) -> Value:
    """Return the bytes of Base64 text."""
    text = arguments.text(data, "data")
    if not arguments.boolean(padding, "padding"):
        text += "=" * (-len(text) % 4)
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise value_error("data is not Base64 text") from error


def base64_encode(data: Value, padding: Value = True) -> Value:
    """Return bytes as Base64 text."""
    encoded = base64.b64encode(arguments.data(data, "data")).decode("ascii")
    return encoded if arguments.boolean(padding, "padding") else encoded.rstrip("=")


def compute_checksum(data: Value, algorithm: Value) -> Value:
    """Return the checksum of bytes, as bytes."""
    return hashlib.new(_algorithm(algorithm), arguments.data(data, "data"), usedforsecurity=False).digest()


def compute_hmac(key: Value, data: Value, algorithm: Value) -> Value:
    """Return the HMAC of bytes, as bytes."""
    return hmac.digest(arguments.data(key, "key"), arguments.data(data, "data"), _algorithm(algorithm))


def _algorithm(name: Value) -> str:
    algorithm = arguments.text(name, "algorithm")
    if algorithm not in _ALGORITHMS:
        raise value_error(
            f"{algorithm!r} is not a supported hash algorithm; use one of {', '.join(sorted(_ALGORITHMS))}"
        )
    return algorithm.lower()


def generate() -> Value:
    """Return a random 128-bit identifier as text."""
    return str(uuid.uuid4())


FUNCTIONS: tuple[Function, ...] = (
    pure("json.decode", json_decode),
    pure("json.encode", json_encode),
    pure("json.encode_to_string", json_encode_to_string),
    pure("base64.decode", base64_decode),
    pure("base64.encode", base64_encode),
    pure("hash.compute_checksum", compute_checksum),
    pure("hash.compute_hmac", compute_hmac),
    pure("uuid.generate", generate),
)
