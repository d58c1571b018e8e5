"""Whether a draft is worth a reviewer's time: it reverts the culprit, and every import still finds its name."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.local.scenarios import history
from shared.contracts import Patch

Names = Mapping[str, frozenset[str]]
"""The names that each module of a package defines or imports at its top level."""


@dataclass(frozen=True)
class Draft:
    """A patch that the analyst would draft: the commit that it reverts, and the imports that it would break."""

    reverts: str
    broken_imports: tuple[str, ...]


def draft_of(patch: Patch | None, git_dir: Path | None, snapshot: str) -> Draft | None:
    """Return the draft of a solution, None without one. Raises Rejected when the repository cannot be read."""
    if patch is None or git_dir is None:
        return None
    return Draft(patch.reverts or "", tuple(_broken(patch, git_dir, snapshot)))


def _broken(patch: Patch, git_dir: Path, snapshot: str) -> Iterator[str]:
    """Yield what imports a name that the patch takes away: by the imports of all modules, not by a search."""
    after = {edit.path: _patched(patch, edit.path, git_dir, snapshot) for edit in patch.files_to_modify}
    changed = {path: text for path, text in after.items() if path.endswith(".py")}
    for path, text in changed.items():
        if text is not None and _tree(text) is None:
            yield f"{path} does not parse"
    gone = {path: _names(_text(git_dir, snapshot, path)) - _names(text) for path, text in changed.items()}
    removed = {path: names for path, names in gone.items() if names}
    if not removed:
        return
    listed = history.run_git("ls-tree", "-r", "--name-only", snapshot, cwd=git_dir).split("\n")
    for path in (each for each in listed if each.endswith(".py")):
        text = changed[path] if path in changed else _text(git_dir, snapshot, path)
        yield from _missing(path, text, removed)


def _missing(path: str, text: str | None, removed: Names) -> Iterator[str]:
    if text is None or not any(name in text for names in removed.values() for name in names):
        return
    tree = _tree(text)
    for node in ast.walk(tree) if tree else ():
        if not isinstance(node, ast.ImportFrom):
            continue
        for target, names in removed.items():
            if _is_module(target, node, path):
                yield from (f"{path} imports {each.name} of {target}" for each in node.names if each.name in names)


def _is_module(target: str, node: ast.ImportFrom, path: str) -> bool:
    """Return whether an import is of this file: relative ones from where they stand, absolute ones by their end."""
    module = target.removesuffix(".py").removesuffix("/__init__")
    named = (node.module or "").replace(".", "/")
    if node.level:
        base = path.split("/")[: -node.level]
        return module == "/".join([*base, *([named] if named else [])])
    return bool(named) and (module == named or module.endswith(f"/{named}"))


def _patched(patch: Patch, path: str, git_dir: Path, snapshot: str) -> str | None:
    """Return a file as the patch leaves it; None when it is gone."""
    text: str | None = _text(git_dir, snapshot, path)
    for edit in (each for each in patch.files_to_modify if each.path == path):
        if edit.original is None:
            text = edit.new
        elif text is not None:
            text = text.replace(edit.original, edit.new or "", 1)
            text = None if edit.new is None else text
    return text


def _text(git_dir: Path, commit: str, path: str) -> str | None:
    if not history.run_git("ls-tree", "--name-only", commit, "--", path, cwd=git_dir).strip():
        return None
    return history.run_git("show", f"{commit}:{path}", cwd=git_dir)


def _names(text: str | None) -> frozenset[str]:
    tree = _tree(text) if text else None
    return frozenset(name for node in (tree.body if tree else []) for name in _bound(node))


def _bound(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement binds, those within its branches too."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (each.asname or each.name.split(".")[0] for each in node.names)
    else:
        yield from (
            each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
        )
        yield from (
            name for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt) for name in _bound(child)
        )


def _tree(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None
