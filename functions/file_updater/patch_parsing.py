"""Check that a file that parsed before a patch parses after it; what did not parse before is not checked."""

import ast
import tomllib
import warnings
from collections.abc import Callable
from pathlib import PurePosixPath

import tree_sitter
import tree_sitter_go
import tree_sitter_java
import tree_sitter_javascript
import tree_sitter_typescript
import yaml

from shared import json_text
from shared.errors import Rejected


def check_parses(path: str, before: str | None, after: str | None) -> None:
    """Accept a text that parses as the language of its suffix. Raises Rejected naming file, line and the error."""
    parse = _PARSERS.get(PurePosixPath(path).suffix.lower())
    if parse is None or after is None or (before is not None and _problem(parse, before)):
        return
    problem = _problem(parse, after)
    if problem:
        raise Rejected(f"{path!r} would no longer parse: {problem}")


def _problem(parse: Callable[[str], None], text: str) -> str | None:
    try:
        parse(text)
    except (SyntaxError, ValueError, yaml.YAMLError, RecursionError, MemoryError) as error:
        return " ".join(str(error).split())[:300] or type(error).__name__
    return None


def _parse_python(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(text.removeprefix("\ufeff"), "<patched>", "exec", flags=ast.PyCF_ONLY_AST, dont_inherit=True)


def _parse_json(text: str) -> None:
    json_text.parsed(text.removeprefix("\ufeff"))


def _parse_toml(text: str) -> None:
    tomllib.loads(text)


def _parse_yaml(text: str) -> None:
    # Composed, not constructed: tags are unknown here and aliases must not be expanded.
    for _ in yaml.compose_all(text, Loader=yaml.SafeLoader):
        pass


def _grammar(language: object) -> Callable[[str], None]:
    def parse(text: str) -> None:
        root = tree_sitter.Parser(tree_sitter.Language(language)).parse(text.encode("utf-8", "replace")).root_node
        if root.has_error:
            raise SyntaxError(f"line {_first_error(root).start_point.row + 1} is not valid syntax")

    return parse


def _first_error(node: tree_sitter.Node) -> tree_sitter.Node:
    """Return the first innermost node that is an error or missing."""
    while not (node.is_error or node.is_missing):
        inner = next((child for child in node.children if child.has_error), None)
        if inner is None:
            break
        node = inner
    return node


_JAVASCRIPT = _grammar(tree_sitter_javascript.language())
_TYPESCRIPT = _grammar(tree_sitter_typescript.language_typescript())
_PARSERS: dict[str, Callable[[str], None]] = {
    **dict.fromkeys((".py", ".pyi"), _parse_python),
    ".json": _parse_json,
    ".toml": _parse_toml,
    **dict.fromkeys((".yaml", ".yml"), _parse_yaml),
    **dict.fromkeys((".js", ".mjs", ".cjs", ".jsx"), _JAVASCRIPT),
    **dict.fromkeys((".ts", ".mts", ".cts"), _TYPESCRIPT),
    ".tsx": _grammar(tree_sitter_typescript.language_tsx()),
    ".java": _grammar(tree_sitter_java.language()),
    ".go": _grammar(tree_sitter_go.language()),
}
