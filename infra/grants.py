"""Which variables a function is granted: computed from the Settings its bundle holds, written in its function.yaml.

python -m infra.grants                 rewrites `settings` and `secrets` of functions/*/function.yaml
"""

import importlib
import re
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import SecretStr

from infra import bundle
from shared.settings import Settings


@dataclass(frozen=True)
class Grant:
    """Names of variables; `secrets` come from Secret Manager, `settings` are plain."""

    settings: list[str]
    secrets: list[str]


def settings_classes(paths: Iterable[Path]) -> list[type[Settings]]:
    """Return the Settings classes defined in the given files, in order of their names."""
    classes = {cls for path in paths for cls in _defined_in(path)}
    return sorted(classes, key=lambda cls: (cls.__module__, cls.__name__))


def _defined_in(path: Path) -> list[type[Settings]]:
    if not re.search(r"\(([\w.]+\.)?\w*Settings\)", path.read_text(encoding="utf-8")):
        return []
    dotted = ".".join(path.relative_to(bundle.ROOT).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(dotted)
    defined = (value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Settings))
    return [cls for cls in defined if cls.__module__ == dotted]


def is_secret(cls: type[Settings], field: str) -> bool:
    """A field of type SecretStr is a secret, however it is wrapped."""
    return _mentions_secret(cls.model_fields[field].annotation)


def _mentions_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_mentions_secret(part) for part in typing.get_args(annotation))


def granted(name: str) -> Grant:
    """Return the variables the function's bundle reads."""
    plain: set[str] = set()
    secret: set[str] = set()
    used = bundle.closure(name).used
    if bundle.ROOT / "shared" / "model" / "gemini.py" in used:
        # Looked up by the agent's name at run time, so no Settings field has its name.
        plain.add(f"GEMINI_MODEL_{name.upper()}")
    for cls in settings_classes(used):
        for field in cls.model_fields:
            (secret if is_secret(cls, field) else plain).add(field.upper())
    return Grant(sorted(plain - secret), sorted(secret))


def path(name: str) -> Path:
    """Return the path of the function's function.yaml."""
    return bundle.FUNCTIONS / name / "function.yaml"


def text(name: str) -> str:
    """Return function.yaml with the computed grants; everything else stays as it is written."""
    written = yaml.safe_load(path(name).read_text(encoding="utf-8"))
    grant = granted(name)
    return yaml.safe_dump({**written, "settings": grant.settings, "secrets": grant.secrets}, sort_keys=False)


if __name__ == "__main__":
    for function in bundle.names():
        path(function).write_text(text(function), encoding="utf-8")
