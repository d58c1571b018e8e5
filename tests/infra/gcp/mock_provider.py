"""The providers that infra/gcp uses, touching nothing, so that Terraform itself checks, plans and applies it.

They speak Terraform's plugin protocol 6 over loopback and are found by TF_REATTACH_PROVIDERS. What Google would answer
(an email, a URL) is made up by rule. A plan knows it at once, unless `Google.answers_late`: then it is unknown until
the apply, as it is in truth. An apply makes what was planned, in Terraform's order; `Google.made` keeps that order.

`provider_schema.json` has the shape of `terraform providers schema -json`, for just the types that are used: google and
google-beta 6.50.0 and time 0.13.1, taken from HashiCorp's published bindings of them. Which optional attributes Google
fills by itself is not in them. With network, the real thing says more: `terraform -chdir=infra/gcp validate` after
`terraform init`.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from tests.infra.gcp import plugin_wire as wire

SCHEMAS = json.loads(Path(__file__).with_name("provider_schema.json").read_text())["provider_schemas"]
PROJECT, NUMBER = "example-project", "123456789012"
_COLLECTIONS = {
    "google_project_iam_custom_role": "roles",
    "google_pubsub_subscription": "subscriptions",
    "google_pubsub_topic": "topics",
    "google_secret_manager_secret": "secrets",
    "google_service_account": "serviceAccounts",
}


@dataclass
class Google:
    """What all providers share: how they answer, and what was made."""

    answers_late: bool = False
    refuses: str = ""
    """A type of resource whose making fails."""
    versions: dict[str, str] = field(default_factory=dict)
    """By secret: the number of its latest version, 1 where none is named."""
    made: list[str] = field(default_factory=list)
    """The types and names of what was made, in that order."""


@contextmanager
def serving(google: Google) -> Iterator[dict[str, str]]:
    """Serve every provider while the block runs; yields the environment that makes Terraform use them."""
    with ExitStack() as stack:
        attach = {}
        for source, schemas in SCHEMAS.items():
            port = stack.enter_context(_server(_Provider(schemas, google)))
            address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
            name = source.removeprefix("registry.terraform.io/")
            attach[name] = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": 1, "Test": True, "Addr": address}
        yield {"TF_REATTACH_PROVIDERS": json.dumps(attach)}


@contextmanager
def _server(provider: "_Provider") -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(4))
    handlers = {name: grpc.unary_unary_rpc_method_handler(_handler(answer)) for name, answer in provider.methods()}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("tfplugin6.Provider", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(None).wait()


def _handler(answer: Any) -> Any:
    return lambda request, _context: answer(wire.decode(request))


# Empty is a valid answer of these: no diagnostics.
_AGREEABLE = [
    "ConfigureProvider",
    "StopProvider",
    "ValidateDataResourceConfig",
    "ValidateProviderConfig",
    "ValidateResourceConfig",
]


class _Provider:
    def __init__(self, schemas: dict[str, Any], google: Google) -> None:
        self._schemas = schemas
        self._google = google

    def methods(self) -> Iterator[tuple[str, Any]]:
        yield "GetProviderSchema", self._schema_of_all
        yield "UpgradeResourceState", self._upgrade
        yield "ReadResource", lambda request: wire.packed_bytes(1, request[2])
        yield "PlanResourceChange", self._plan
        yield "ApplyResourceChange", self._apply
        yield "ReadDataSource", self._read
        for name in _AGREEABLE:
            yield name, lambda _: b""

    def _schema_of_all(self, _: wire.Fields) -> bytes:
        answer = wire.packed_bytes(1, wire.schema(self._schemas["provider"]))
        for number, kind in ((2, "resource_schemas"), (3, "data_source_schemas")):
            for name, schema in self._schemas[kind].items():
                row = wire.text(1, name) + wire.packed_bytes(2, wire.schema(schema))
                answer += wire.packed_bytes(number, row)
        return answer

    def _upgrade(self, request: wire.Fields) -> bytes:
        state = wire.decode(request[3])[1]
        return wire.packed_bytes(1, wire.packed_bytes(2, state))

    def _plan(self, request: wire.Fields) -> bytes:
        kind, proposed = request[1].decode(), wire.value_of(request[3])
        if proposed is not None:
            late = self._google.answers_late and wire.value_of(request[2]) is None
            _fill(self._block(kind), proposed, None if late else _made_up(kind, proposed), lambda value: value is None)
        return wire.packed_bytes(1, wire.dynamic(proposed))

    def _apply(self, request: wire.Fields) -> bytes:
        kind, planned = request[1].decode(), wire.value_of(request[3])
        if planned is None:
            return wire.packed_bytes(1, wire.dynamic(None))
        if kind == self._google.refuses:
            diagnostic = wire.number(1, 1) + wire.text(2, f"Error creating {kind}: googleapi: Error 403")
            return wire.packed_bytes(1, request[2]) + wire.packed_bytes(3, diagnostic)
        _fill(self._block(kind), planned, _made_up(kind, planned), wire.is_unknown)
        self._google.made.append(f"{kind} {_name(planned)}")
        return wire.packed_bytes(1, wire.dynamic(planned))

    def _read(self, request: wire.Fields) -> bytes:
        kind, config = request[1].decode(), wire.value_of(request[2])
        secret = str(config.get("secret", "")).rpartition("/")[2]
        answers = {"number": NUMBER, "version": self._google.versions.get(secret, "1")}
        _fill(self._schemas["data_source_schemas"][kind]["block"], config, answers, lambda value: value is None)
        return wire.packed_bytes(1, wire.dynamic(config))

    def _block(self, kind: str) -> dict[str, Any]:
        block: dict[str, Any] = self._schemas["resource_schemas"][kind]["block"]
        return block


def _fill(
    block: dict[str, Any], value: dict[str, Any], made_up: dict[str, str] | None, is_open: Callable[[object], bool]
) -> None:
    """Give every computed attribute that is open a value; without `made_up` an unknown one."""
    for name, attribute in block["attributes"].items():
        if attribute.get("computed") and is_open(value[name]):
            text = None if made_up is None else made_up.get(name, f"made-up-{name}")
            value[name] = wire.unknown() if text is None else _value(attribute["type"], text)
    for name, nested in block.get("block_types", {}).items():
        for inner in value[name] if isinstance(value[name], list) else []:
            if isinstance(inner, dict):
                _fill(nested["block"], inner, made_up, is_open)


def _value(kind: Any, text: str) -> object:
    empty: dict[str, object] = {"string": text, "number": 0, "bool": False}
    return empty[kind] if isinstance(kind, str) else {} if kind[0] == "map" else []


def _name(proposed: dict[str, Any]) -> str:
    candidates = (proposed.get(key) for key in ("name", "account_id", "secret_id", "role_id", "service", "member"))
    return next((one for one in candidates if isinstance(one, str)), "")


def _made_up(kind: str, proposed: dict[str, Any]) -> dict[str, str]:
    """Return what Google would answer, as far as other resources use it."""
    name = _name(proposed)
    email = f"{name}@{PROJECT}.iam.gserviceaccount.com"
    return {
        "id": f"projects/{PROJECT}/{_COLLECTIONS.get(kind, kind)}/{name}",
        "name": f"projects/{PROJECT}/{_COLLECTIONS.get(kind, kind)}/{name}",
        "project": PROJECT,
        "email": email,
        "member": f"serviceAccount:{email}",
        "uri": f"https://{name}-made-up.a.run.app",
    }
