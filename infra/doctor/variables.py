"""Which variables there are: every field of every Settings class of a function, and what `make local` itself reads."""

import functools
from dataclasses import dataclass
from pathlib import Path

from infra import bundle, grants
from shared.settings import Settings

LOCAL = bundle.ROOT / "infra" / "local" / "local_settings.py"
"""The settings of `make local` that no function reads."""


@dataclass(frozen=True)
class Variable:
    """One variable; `fields` are the settings that read it, each with its own bounds."""

    name: str
    description: str
    is_secret: bool = False
    fields: tuple[tuple[type[Settings], str], ...] = ()


@functools.cache
def every() -> dict[str, Variable]:
    """Return every variable that is read, by its name."""
    read_by: dict[str, list[tuple[type[Settings], str]]] = {}
    for cls in grants.settings_classes(_files()):
        for field in cls.model_fields:
            read_by.setdefault(field.upper(), []).append((cls, field))
    rows = {name: _variable(name, fields) for name, fields in read_by.items()}
    return {**rows, **{one.name: one for one in _models_of_functions()}}


def _files() -> set[Path]:
    return {LOCAL, *(path for name in bundle.names() for path in bundle.closure(name).used)}


def _variable(name: str, fields: list[tuple[type[Settings], str]]) -> Variable:
    description = next((text for cls, field in fields if (text := cls.model_fields[field].description)), "")
    return Variable(name, description, any(grants.is_secret(cls, field) for cls, field in fields), tuple(fields))


def _models_of_functions() -> list[Variable]:
    """Return the variables that are looked up by a function's name, so that no Settings field has theirs."""
    described = "Model of this function alone; unset, that of its tier."
    settings = {setting for name in bundle.names() for setting in grants.granted(name).settings}
    return [Variable(name, described) for name in settings if _is_of_function(name)]


def _is_of_function(name: str) -> bool:
    function = name.removeprefix("GEMINI_MODEL_").lower()
    return name.startswith("GEMINI_MODEL_") and function in bundle.names()
