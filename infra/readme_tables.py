"""The tables of infra/README.md that are computed from settings, function.yaml and Terraform's variables.

python -m infra.readme_tables              rewrites what stands between `<!-- begin NAME -->` and `<!-- end NAME -->`
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from infra import bundle, grants
from infra.costs import estimate, saturation, volumes
from shared.settings import Settings

README = bundle.ROOT / "infra" / "README.md"


def parts() -> dict[str, str]:
    """Return every computed part of the README by its name."""
    return {
        "functions": functions(),
        "secrets": secrets(),
        "settings": settings(),
        "costs": estimate.table(),
        "volumes": f"{volumes.table()}\n\n{volumes.by_path()}\n\n{volumes.warm_intake()}",
        "saturation": saturation.table(),
    }


def functions() -> str:
    """Return who runs: each function, its account, what calls it and what it may use."""
    head = (
        "| function | account | called by | memory | timeout s | instances | secrets |\n|---|---|---|---|--:|---|---|"
    )
    rows = [_function(name, manifest) for name, manifest in _manifests()]
    return "\n".join([head, *rows])


def _function(name: str, manifest: dict[str, Any]) -> str:
    instances = f"{manifest.get('min_instances', 0)} to {manifest.get('max_instances', 10)}"
    secrets = ", ".join(f"`{secret}`" for secret in _secrets_of(manifest)) or "none"
    account = f"`copilot-{name.replace('_', '-')}`"
    cells = [
        f"`{name}`",
        account,
        _callers(name, manifest),
        manifest["memory"],
        manifest["timeout_s"],
        instances,
        secrets,
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _callers(name: str, manifest: dict[str, Any]) -> str:
    """Return who calls a function; who is granted its X_FUNCTION_URL does, by the network (see gcp/functions.tf)."""
    callers = [f"`{caller}`" for caller, its in _manifests() if f"{name.upper()}_FUNCTION_URL" in its["settings"]]
    return ", ".join([_caller(manifest), *callers]) + ("; open to the network" if callers else "")


def _caller(manifest: dict[str, Any]) -> str:
    if manifest["trigger"] != "http":
        return f"Pub/Sub, topic `{manifest['trigger']['topic']}`"
    if "schedule" in manifest:
        return f"Cloud Scheduler, `{manifest['schedule']}`"
    return "anyone; it checks who it is" if manifest.get("public") else "the workflow; Pub/Sub wakes it"


def secrets() -> str:
    """Return which secrets there are, what they hold and who reads them."""
    readers: dict[str, list[str]] = {}
    for name, manifest in _manifests():
        for secret in _secrets_of(manifest):
            readers.setdefault(secret, []).append(f"`{name}`")
    descriptions = {field.upper(): _description(cls, field) for cls, field in _fields()} | DESCRIPTIONS
    rows = [
        f"| `{secret}` | {descriptions[secret]} | {', '.join(names)} |" for secret, names in sorted(readers.items())
    ]
    return "\n".join(["| secret | holds | read by |\n|---|---|---|", *rows])


def _secrets_of(manifest: dict[str, Any]) -> list[str]:
    """Return a function's secrets by their names in Secret Manager."""
    names = manifest.get("secret_names", {})
    return sorted(names.get(secret, secret) for secret in manifest["secrets"])


DESCRIPTIONS = {
    "GITHUB_READ_TOKEN": "Token that only reads, contents and deployments; its functions get it as GITHUB_TOKEN."
}
"""Of secrets that no variable is named after."""


def settings() -> str:
    """Return which plain variables there are, with their defaults."""
    plain = {field.upper(): (cls, field) for cls, field in _fields() if not grants.is_secret(cls, field)}
    head = "| variable | default | meaning |\n|---|---|---|"
    rows = [
        f"| `{name}` | {_default(cls, field)} | {_description(cls, field)} |"
        for name, (cls, field) in sorted(plain.items())
        if name not in LAPTOP_ONLY
    ]
    return "\n".join([head, *rows])


# They point at emulators or at a folder of the laptop, and are left unset in the cloud.
LAPTOP_ONLY = {"FIRESTORE_EMULATOR_HOST", "PUBSUB_EMULATOR_HOST", "TRACES_PATH", "WORKFLOWS_ENDPOINT"}


def _manifests() -> list[tuple[str, dict[str, Any]]]:
    return [(name, yaml.safe_load(grants.path(name).read_text(encoding="utf-8"))) for name in bundle.names()]


def _fields() -> Iterator[tuple[type[Settings], str]]:
    paths = {path for name in bundle.names() for path in bundle.closure(name).used}
    for cls in grants.settings_classes(paths):
        for field in cls.model_fields:
            yield cls, field


def _default(cls: type[Settings], field: str) -> str:
    info = cls.model_fields[field]
    default = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    if default in (None, "", [], {}, ()):
        return "required" if info.is_required() else ""
    # As it is written in a variable.
    return f"`{json.dumps(default) if isinstance(default, bool | list | tuple | dict) else default}`"


def _description(cls: type[Settings], field: str) -> str:
    return (cls.model_fields[field].description or "").replace("|", "\\|").replace("\n", " ")


def filled(text: str, name: str, body: str) -> str:
    """Return `text` with `body` between the markers of `name`. Raises KeyError when there are none."""
    pattern = re.compile(f"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
    if not pattern.search(text):
        raise KeyError(f"infra/README.md has no part {name!r}")
    return pattern.sub(lambda match: f"{match[1]}{body}\n{match[2]}", text)


def replace(name: str, body: str) -> None:
    """Rewrite one part of the README. Raises KeyError."""
    README.write_text(filled(README.read_text(encoding="utf-8"), name, body), encoding="utf-8")


def main() -> None:
    """Rewrite every computed part."""
    for name, body in parts().items():
        replace(name, body)


if __name__ == "__main__":
    main()
