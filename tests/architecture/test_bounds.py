"""Contracts keep their bounds themselves: nothing else cuts their texts or changes them unchecked."""

import ast
import inspect
from pathlib import Path
from typing import TypeGuard

import pytest

from infra import bundle
from shared import contracts
from shared.bounds import AtMost, Contract

PRODUCT = sorted([*bundle.ROOT.glob("functions/**/*.py"), *bundle.ROOT.glob("shared/**/*.py")])
CONTRACTS = {name: cls for name, cls in inspect.getmembers(contracts, inspect.isclass) if issubclass(cls, Contract)}
TEXTS = {
    name
    for cls in CONTRACTS.values()
    for name, field in cls.model_fields.items()
    if any(isinstance(mark, AtMost) for mark in field.metadata)
}
UNCHECKED = {"model_copy", "model_construct"}


def _name(path: Path) -> str:
    return path.relative_to(bundle.ROOT).as_posix()


def _is_slice(node: ast.AST) -> TypeGuard[ast.Subscript]:
    """Tell whether this is `…[:N]` or `…[-N:]`, with N a number or a constant."""
    if not isinstance(node, ast.Subscript) or not isinstance(node.slice, ast.Slice):
        return False
    bounds = [bound for bound in (node.slice.lower, node.slice.upper) if bound is not None]
    return len(bounds) == 1 and all(isinstance(bound, ast.Constant | ast.UnaryOp | ast.Name) for bound in bounds)


def _slices(tree: ast.AST) -> list[str]:
    """Return where a text of a contract is cut: as it is read, or as it is handed to a contract."""
    places = []
    for node in ast.walk(tree):
        if _is_slice(node) and isinstance(node.value, ast.Attribute) and node.value.attr in TEXTS:
            places.append(f"line {node.lineno} cuts .{node.value.attr}")
        if isinstance(node, ast.Call) and _called(node) in {*CONTRACTS, "replace"}:
            places += [f"line {part.value.lineno} cuts {part.arg}=" for part in node.keywords if _is_slice(part.value)]
    return places


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


@pytest.mark.parametrize("path", PRODUCT, ids=_name)
def test_no_text_of_a_contract_is_truncated_by_hand(path: Path) -> None:
    """The type of the field cuts it; by hand, one place forgets it."""
    slices = _slices(ast.parse(path.read_text()))

    assert not slices, (
        f"Law: contracts keep their own bounds. {_name(path)} cuts by hand: {'; '.join(slices)}. "
        "Remedy: hand the whole text over (its type in shared/contracts.py cuts it); to show a part, use clip()"
    )


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.name != "bounds.py"], ids=_name)
def test_contracts_are_changed_by_replace_alone(path: Path) -> None:
    """pydantic's own ways skip every check."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    unchecked = [f"line {node.lineno} calls {_called(node)}()" for node in calls if _called(node) in UNCHECKED]

    assert not unchecked, (
        f"Law: a contract is changed the checked way. {_name(path)}: {'; '.join(unchecked)}. "
        "Remedy: contract.replace(field=value)"
    )


@pytest.mark.parametrize(
    ("code", "place"),
    [
        ("Evidence(id=i, text=text[:2000])", "line 1 cuts text="),
        ("cause.replace(hypothesis=words[:LIMIT])", "line 1 cuts hypothesis="),
        ("f'{cause.hypothesis[:120]!r}'", "line 1 cuts .hypothesis"),
        ("frame.path[-500:]", "line 1 cuts .path"),
    ],
)
def test_the_law_sees_each_way_to_truncate(code: str, place: str) -> None:
    """A law that finds nothing proves nothing."""
    assert _slices(ast.parse(code)) == [place]
