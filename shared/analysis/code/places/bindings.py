"""Where what a failing line uses was made: by functions of other files that its file imports."""

import re
from collections.abc import Iterator

from shared.analysis.code import spans
from shared.analysis.code.line_history import Place
from shared.analysis.code.paths import Tree, is_test
from shared.analysis.code.places.location import CodeLocation, Files
from shared.bounds import clip

MAX_LINE = 300
"""Longer lines are generated."""

_NAME = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*")
_STRING = re.compile(r"(['\"`]).*?\1")
_CALL = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*+(?=\s*\()")
_TARGETS = re.compile(
    r"^\s*(?:(?:const|let|var|final|val|auto)\s+)?(?P<names>[\w\s,.*()\[\]]*[\w)\]])\s*(?::=|(?<![=!<>])=(?![=>]))"
)
# `from a.b import c as d, e` and `import {c as d, e} from './a/b'`; of a default import the name is the module's own.
_PYTHON_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+(?P<module>[.\w]+)[ \t]+import[ \t]+(?P<names>\([^)]*\)|[^\n#]+)", re.MULTILINE
)
_NODE_IMPORT = re.compile(
    r"^[ \t]*(?:import|const|let|var)[ \t]+(?P<names>\{[^{}]*\}|\w+)[ \t]*"
    r"(?:from|=[ \t]*require\()[ \t]*(?P<quote>['\"])(?P<module>[^'\"\n]+)(?P=quote)",
    re.MULTILINE,
)


def origins(location: CodeLocation, tree: Tree, files: Files, depth: int) -> Iterator[CodeLocation]:
    """Yield the functions of other files that made what the failing line uses."""
    imports = _imports(location.text)
    for called in _makers(location):
        head, _, method = called.partition(".")
        if head not in imports:
            continue
        module, name = imports[head]
        path = tree.module(module) or tree.module(f"{module}.{name}")
        if path is None or path == location.place.path or is_test(path):
            continue
        text = files.text(path)
        line = spans.definition_line(text, method or name) if text else None
        if text is None or line is None:
            continue
        place = Place(path, line, text.split("\n")[line - 1].strip(), spans.enclosing(path, text, line), depth)
        issue = f"{clip(called, 100)}() made what the failing line uses: {clip(location.place.text, 200)}"
        yield CodeLocation(place, text, issue, location.correlation, location.evidence_ids, is_frame=False)


def _makers(location: CodeLocation) -> list[str]:
    """Return the functions whose results the failing line uses, as its function's variables hold them."""
    bound = _bound(location)
    used = _NAME.findall(_STRING.sub("", clip(location.place.text, MAX_LINE)))
    return list(dict.fromkeys(maker for name in used for maker in bound.get(name, [])))


def _bound(location: CodeLocation) -> dict[str, list[str]]:
    """Return for each variable of the failing line's function the functions whose results it last got before."""
    bound: dict[str, list[str]] = {}
    for row in location.text.split("\n")[location.place.span.start - 1 : location.place.line - 1]:
        match = _TARGETS.match(row[:MAX_LINE])
        if match and (calls := _CALL.findall(row[match.end() : MAX_LINE])):
            bound.update(dict.fromkeys(_NAME.findall(match["names"]), calls))
    return bound


def _imports(text: str) -> dict[str, tuple[str, str]]:
    """Return for each name that the file imports its module, in dotted form, and its name there."""
    names: dict[str, tuple[str, str]] = {}
    for pattern in (_PYTHON_IMPORT, _NODE_IMPORT):
        for match in pattern.finditer(text):
            module = match["module"].replace("/", ".").strip(".")
            for each in match["names"].strip("(){}").split(","):
                words = each.split()
                if words:
                    names[words[-1]] = (module, words[0])
    return names
