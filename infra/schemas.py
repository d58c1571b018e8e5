"""Write what is generated from the contracts and settings: workflows/schemas/*.json, .env.example and
the tables of infra/README.md.

python -m infra.schemas
"""

import inspect
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from infra import bundle, grants, readme_tables
from infra.doctor.variables import LOCAL
from shared import contracts
from shared.settings import Settings
from shared.step import steps

SCHEMAS = bundle.ROOT / "workflows" / "schemas"
ENV_EXAMPLE = bundle.ROOT / ".env.example"


def schemas() -> dict[Path, str]:
    """Return the JSON Schema of every message of the workflow and of what other systems receive, by its path."""
    return {SCHEMAS / f"{cls.__name__}.json": _schema(cls) for cls in _travelling()}


def _travelling() -> list[type[BaseModel]]:
    defined = [cls for _, cls in inspect.getmembers(contracts, inspect.isclass) if cls.__module__ == contracts.__name__]
    wanted = {
        contracts.SignedAlert,
        contracts.StepCall,
        contracts.StepResult,
        contracts.Alert,
        contracts.Announcement,
        *(part for row in steps.STEPS for part in (row.request, row.answer)),
    }
    return [cls for cls in defined if cls in wanted and issubclass(cls, BaseModel)]


def _schema(cls: type[BaseModel]) -> str:
    # Requests are read, answers are written: only the written form holds the computed fields.
    mode: Literal["validation", "serialization"]
    mode = "validation" if cls.__name__.endswith("Request") else "serialization"
    return json.dumps(cls.model_json_schema(mode=mode), indent=2, ensure_ascii=False) + "\n"


def env_example() -> str:
    """Return every variable the system reads, grouped by the package that reads it."""
    paths = {LOCAL, *(path for name in bundle.names() for path in bundle.closure(name).used)}
    sections_by_package: dict[str, list[str]] = {}
    listed: set[str] = set()
    for cls in grants.settings_classes(paths):
        fresh = [field for field in cls.model_fields if field not in listed]
        listed |= set(fresh)
        package = cls.__module__.removeprefix("shared.").removeprefix("functions.").removesuffix(".main")
        sections_by_package.setdefault(package, []).extend(_line(cls, field) for field in fresh)
    sections = [f"# {package}\n" + "\n".join(lines) for package, lines in sections_by_package.items() if lines]
    head = "# Every variable Incident CoPilot reads. Copy to .env for `make local`; secrets belong in Secret Manager."
    return "\n\n".join([head, *sections]) + "\n"


def _line(cls: type[Settings], field: str) -> str:
    info = cls.model_fields[field]
    default = info.get_default(call_default_factory=True, validated_data={}) if not info.is_required() else None
    value = "" if default in (None, PydanticUndefined) else _as_text(default)
    notes = " ".join(filter(None, ["required." if info.is_required() else "", info.description or ""]))
    secret = "secret. " if grants.is_secret(cls, field) else ""
    comment = f"# {secret}{notes}".rstrip()
    # A default is a comment, so that a copy of the file changes nothing until a line is filled in.
    setting = f"# {field.upper()}={value}" if value else f"{field.upper()}="
    return f"{comment}\n{setting}" if comment != "#" else setting


def _as_text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return json.dumps(default) if isinstance(default, list | tuple | dict) else str(default)


def main() -> None:
    """Write everything that is generated; schemas of contracts that are gone go too."""
    SCHEMAS.mkdir(exist_ok=True)
    for stale in set(SCHEMAS.glob("*.json")) - set(schemas()):
        stale.unlink()
    for path, text in schemas().items():
        path.write_text(text, encoding="utf-8")
    ENV_EXAMPLE.write_text(env_example(), encoding="utf-8")
    readme_tables.main()


if __name__ == "__main__":
    main()
