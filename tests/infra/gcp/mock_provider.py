"""A Google provider that knows the schema and touches nothing, so that Terraform itself checks and plans infra/gcp.

It speaks Terraform's plugin protocol 6 over loopback and is found by TF_REATTACH_PROVIDERS. What Google would answer
(an email, a URL) is made up by rule, hence every value of a plan is known.

`provider_schema.json` has the shape of `terraform providers schema -json`, for just the types that are used: google
6.50.0, taken from HashiCorp's published bindings of it. Which optional attributes Google fills by itself is not in
them. With network, the real thing says more: `terraform -chdir=infra/gcp validate` after `terraform init`.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import msgpack

SOURCE = "registry.terraform.io/hashicorp/google"
SCHEMAS = json.loads(Path(__file__).with_name("provider_schema.json").read_text())["provider_schemas"][SOURCE]
NESTING = {"single": 1, "list": 2, "set": 3}
PROJECT, NUMBER = "example-project", "123456789012"

Fields = dict[int, bytes]


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Serve the provider while the block runs; yields the environment that makes Terraform use it."""
    server = grpc.server(ThreadPoolExecutor(4))
    methods = {
        "GetProviderSchema": _schema_of_all,
        "PlanResourceChange": _plan,
        "ReadDataSource": _read,
        **dict.fromkeys(_AGREEABLE, lambda _: b""),
    }
    handlers = {name: grpc.unary_unary_rpc_method_handler(_handler(answer)) for name, answer in methods.items()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
    attach = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": 1, "Test": True, "Addr": address}
    try:
        yield {"TF_REATTACH_PROVIDERS": json.dumps({"hashicorp/google": attach})}
    finally:
        server.stop(None).wait()


# Empty is a valid answer of these: no diagnostics.
_AGREEABLE = [
    "ConfigureProvider",
    "StopProvider",
    "ValidateDataResourceConfig",
    "ValidateProviderConfig",
    "ValidateResourceConfig",
]


def _handler(answer: Any) -> Any:
    return lambda request, _context: answer(_decode(request))


def _schema_of_all(_: Fields) -> bytes:
    answer = _bytes(1, _schema(SCHEMAS["provider"]))
    for number, kind in ((2, "resource_schemas"), (3, "data_source_schemas")):
        for name, schema in SCHEMAS[kind].items():
            answer += _bytes(number, _text(1, name) + _bytes(2, _schema(schema)))
    return answer


def _schema(schema: dict[str, Any]) -> bytes:
    return _number(1, schema["version"]) + _bytes(2, _block(schema["block"]))


def _block(block: dict[str, Any]) -> bytes:
    encoded = b""
    for name, attribute in block["attributes"].items():
        flags = b"".join(_number(at, 1) for at, flag in _FLAGS.items() if attribute.get(flag))
        encoded += _bytes(2, _text(1, name) + _text(2, json.dumps(attribute["type"])) + flags)
    for name, nested in block.get("block_types", {}).items():
        bounds = _number(4, nested.get("min_items", 0)) + _number(5, nested.get("max_items", 0))
        nesting = _number(3, NESTING[nested["nesting_mode"]])
        encoded += _bytes(3, _text(1, name) + _bytes(2, _block(nested["block"])) + nesting + bounds)
    return encoded


_FLAGS = {4: "required", 5: "optional", 6: "computed"}


def _plan(request: Fields) -> bytes:
    name, proposed = request[1].decode(), _dynamic(request[3])
    if proposed is not None:
        _fill(SCHEMAS["resource_schemas"][name]["block"], proposed, _made_up(name, proposed))
    return _bytes(1, _bytes(2, json.dumps(proposed).encode()))


def _read(request: Fields) -> bytes:
    name, config = request[1].decode(), _dynamic(request[2])
    _fill(SCHEMAS["data_source_schemas"][name]["block"], config, {"number": NUMBER})
    return _bytes(1, _bytes(2, json.dumps(config).encode()))


def _fill(block: dict[str, Any], value: dict[str, Any], made_up: dict[str, str]) -> None:
    """Give every computed attribute that the configuration left open a value."""
    for name, attribute in block["attributes"].items():
        if value[name] is None and attribute.get("computed"):
            value[name] = _value(attribute["type"], made_up.get(name, f"made-up-{name}"))
    for name, nested in block.get("block_types", {}).items():
        for inner in value[name] if isinstance(value[name], list) else []:
            _fill(nested["block"], inner, made_up)


def _value(kind: Any, text: str) -> object:
    empty: dict[str, object] = {"string": text, "number": 0, "bool": False}
    return empty[kind] if isinstance(kind, str) else {} if kind[0] == "map" else []


def _made_up(kind: str, proposed: dict[str, Any]) -> dict[str, str]:
    """Return what Google would answer, as far as other resources use it."""
    name = proposed.get("name") or proposed.get("account_id") or proposed.get("secret_id") or proposed.get("role_id")
    email = f"{name}@{PROJECT}.iam.gserviceaccount.com"
    return {
        "id": f"projects/{PROJECT}/{_COLLECTIONS.get(kind, kind)}/{name}",
        "name": f"projects/{PROJECT}/{_COLLECTIONS.get(kind, kind)}/{name}",
        "project": PROJECT,
        "email": email,
        "member": f"serviceAccount:{email}",
        "uri": f"https://{name}-made-up.a.run.app",
    }


_COLLECTIONS = {
    "google_project_iam_custom_role": "roles",
    "google_pubsub_subscription": "subscriptions",
    "google_pubsub_topic": "topics",
    "google_secret_manager_secret": "secrets",
    "google_service_account": "serviceAccounts",
}


def _dynamic(encoded: bytes) -> Any:
    return msgpack.unpackb(_decode(encoded)[1])


def _decode(encoded: bytes) -> Fields:
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


def _number(field: int, value: int) -> bytes:
    return _packed(field << 3) + _packed(value)


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _packed(field << 3 | 2) + _packed(len(value)) + value


def _packed(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    return bytes([*encoded, value])
