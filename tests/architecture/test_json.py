"""Law: JSON of others is read by one function, which bounds its depth."""

import ast
from pathlib import Path

import pytest

from infra import bundle

PRODUCT = sorted(path for folder in ("functions", "shared") for path in (bundle.ROOT / folder).rglob("*.py"))
READER = bundle.ROOT / "shared" / "json_text.py"


@pytest.mark.parametrize("path", PRODUCT, ids=lambda path: path.relative_to(bundle.ROOT).as_posix())
def test_json_is_read_within_its_bound(path: Path) -> None:
    """Five hundred brackets in a label end a walk that calls itself."""
    if path == READER:
        return
    calls = [node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    names = {f"{call.value.id}.{call.attr}" for call in calls
             if isinstance(call, ast.Attribute) and isinstance(call.value, ast.Name)}  # fmt: skip

    assert not names & {"json.loads", "json.load"}, (
        f"Law: JSON is read by shared.json_text.parsed. {path.name} reads it by itself. Remedy: call parsed() instead"
    )
