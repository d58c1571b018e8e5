"""What each step takes and what the workflow may read of its result, from its entry point, without importing it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, create_model

from shared import contracts
from shared.step import step_result

Model = type[BaseModel]


@dataclass(frozen=True)
class Contracts:
    """All function folders, and for those that a workflow may call what they take and what their result holds."""

    folders: frozenset[str] = frozenset()
    requests: Mapping[str, Model] = field(default_factory=dict)
    answers: Mapping[str, Model] = field(default_factory=dict)


def read(functions: Path) -> Contracts:
    """Return the contracts of every `<name>/main.py` that defines `<name>(request: Request) -> Answer`."""
    folders = frozenset(path.parent.name for path in functions.glob("*/main.py"))
    annotated = {name: _annotations(functions / name / "main.py", name) for name in sorted(folders)}
    answers = {name: pair[1] for name, pair in annotated.items() if pair is not None}
    return Contracts(
        folders,
        dict.fromkeys(answers, contracts.StepCall),
        {name: _result_model(name, answer) for name, answer in answers.items()},
    )


def _result_model(name: str, answer: Model) -> Model:
    """Return StepResult with the decisions of this step alone: another's would always be false."""
    others = set(step_result.DECISIONS) - set(step_result.decisions(answer))
    fields = {each: info for each, info in contracts.StepResult.model_fields.items() if each not in others}
    definitions: dict[str, Any] = {each: (info.annotation, info) for each, info in fields.items()}
    return create_model(f"StepResult of {name}", **definitions)


def _annotations(path: Path, name: str) -> tuple[Model, Model] | None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == name and len(node.args.args) == 1:
            request, answer = _model(node.args.args[0].annotation), _model(node.returns)
            return (request, answer) if request is not None and answer is not None else None
    return None


def _model(annotation: ast.expr | None) -> Model | None:
    """Return the contract that an annotation names, as in `Incident` or `contracts.Incident`."""
    name = annotation.attr if isinstance(annotation, ast.Attribute) else getattr(annotation, "id", "")
    contract = getattr(contracts, str(name), None)
    return contract if isinstance(contract, type) and issubclass(contract, BaseModel) else None


def field_names(model: Model) -> frozenset[str]:
    """Return the names of a contract's fields, including computed ones: they are sent too."""
    return frozenset(model.model_fields) | frozenset(model.model_computed_fields)


def required_fields(model: Model) -> frozenset[str]:
    """Return the names of the required fields."""
    return frozenset(name for name, info in model.model_fields.items() if info.is_required())


def field_model(model: Model, name: str) -> Model | None:
    """Return the contract of a field, `X` or `X | None`; None when the field has another type."""
    info = model.model_fields.get(name)
    options = (info.annotation, *get_args(info.annotation)) if info is not None else ()
    models = [option for option in options if isinstance(option, type) and issubclass(option, BaseModel)]
    return models[0] if len(models) == 1 else None
