"""The fixed words of code: the constant texts of the modules that write sentences, split where values are put in."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from infra import bundle
from shared.analysis.faults.rules import RULES

WRITERS = (
    "shared/analysis/*.py",
    "shared/analysis/[acdrs]*/**/*.py",
    "shared/analysis/faults/usage.py",
    "shared/analysis/faults/proxy_flags.py",
    "shared/followup_queries.py",
    "shared/telemetry/*.py",
    "shared/telemetry/*/*.py",
    "shared/text/literals.py",
    "functions/incident_detection/*.py",
    "functions/code_analyzer/*.py",
    "functions/post_process/brief/**/*.py",
)
"""No module that only recognises words: the pattern of a fault is no sentence."""
_FILLED = re.compile(r"\{[^{}]*\}|\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
TOKEN = re.compile(r"\d+(?:[.,:]\d+)*(?:e[+-]?\d+)?(?![\w-])|\w+(?:[-./:@#]+\w+)*|[^\w\s]")
"""A number with its own marks, a name with the marks inside it, or one other mark."""


def tokens(text: str) -> list[str]:
    """Return the tokens of a text, without what keeps a program from making a link of it."""
    bare = text.replace("[:]", ":").replace("[.]", ".").replace("[@]", "@")
    return TOKEN.findall(bare)


@cache
def pieces() -> dict[str, list[tuple[str, ...]]]:
    """Return the constant texts as tokens, by their first token, the longest first."""
    by_first: dict[str, set[tuple[str, ...]]] = {}
    for text in _constants():
        for part in _FILLED.split(text.replace("{{", "{").replace("}}", "}")):
            if piece := tuple(tokens(part)):
                by_first.setdefault(piece[0], set()).add(piece)
    return {first: sorted(texts, key=len, reverse=True) for first, texts in by_first.items()}


def _constants() -> Iterator[str]:
    for rule in RULES:
        yield from (rule.name, rule.action, *rule.steps)
    for pattern in WRITERS:
        for path in sorted(bundle.ROOT.glob(pattern)):
            yield from _texts(ast.parse(path.read_text("utf-8")))
    yield (bundle.ROOT / "functions/post_process/brief/brief.txt").read_text("utf-8")


def _texts(tree: ast.AST) -> Iterator[str]:
    """Yield constant texts but those that say what code does, and patterns."""
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    documented |= {id(part) for node in ast.walk(tree) if _is_pattern(node) for part in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented:
            yield node.value


def _is_pattern(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("compile", "search")
    )
