"""Whether a change takes a name away that other files still use: then it would break what works."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from shared.analysis.code.paths import is_documentation
from shared.code_host import edits
from shared.code_host.port import CodeReader
from shared.contracts import FileEdit
from shared.http.parallel import in_parallel

MAX_NAMES = 5
"""Names that are searched for; each takes one search of the code host, which bounds these to some a minute."""
MAX_FILES = 5
"""Files that are read for one name."""

_WORDS_BEFORE = (
    r"(?:(?:export|default|pub(?:\([^)\n]*\))?|public|static|final|abstract|async|sealed|data|open)[ \t]+)*+"
)
_KINDS = r"(?:def|class|func|function\*?|fn|struct|enum|interface|trait|type|record|object|const|let|var|val)"
_DEFINED = re.compile(rf"^{_WORDS_BEFORE}{_KINDS}[ \t]+(?P<name>[A-Za-z_$][\w$]*)", re.MULTILINE)
_ASSIGNED = re.compile(r"^(?P<name>[A-Za-z_]\w*)[ \t]*(?::[^=\n]{1,80})?=(?!=)", re.MULTILINE)
_IMPORTED = re.compile(
    r"^(?P<indent>[ \t]*)from[ \t]+(?P<module>[.\w]+)[ \t]+import[ \t]+"
    r"(?:\((?P<several>[^)]{0,4000})\)|(?P<one>[^\n(]+))",
    re.MULTILINE,
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_PYTHON = (".py", ".pyi")
_BY_FILE = (".js", ".jsx", ".mjs", ".ts", ".tsx", ".rb", ".php")
"""Languages in which a file of the same folder has to be named before its names are used; a package shares them."""
_ROOTS = {"__init__", "index", "mod", "lib", "main"}
"""Files that stand for their folder."""


@dataclass(frozen=True)
class Use:
    """A name that a change takes away, and a file that still uses it."""

    name: str
    path: str


def still_used(reader: CodeReader, changes: Sequence[FileEdit], head: str) -> Use | None:
    """
    Return a name that the edits take away and a file beside them that uses it at `head`; None without any.

    Names at the top level of a file count, those that it imports in Python too, as others import them from there. A
    file of Python uses one when it imports it from there; any other when it holds the name, and names the module or is
    of its package. Reads the edited files, and for
    MAX_NAMES names MAX_FILES files each. Raises Rejected (the edits do not fit), Unavailable, Throttled, Refused.
    """
    edited = list(dict.fromkeys(change.path for change in changes))
    before = dict(zip(edited, reader.read_files([(path, head) for path in edited]), strict=True))
    after = {write.path: write.text for write in edits.apply(changes, lambda path: before[path])}
    taken = [(name, path) for path, text in after.items() for name in _taken_away(path, before[path], text)]
    searched = taken[:MAX_NAMES]
    listed = in_parallel(lambda one: reader.search(one[0], limit=2 * MAX_FILES), searched)
    candidates = [_candidates(path, after, paths) for (_, path), paths in zip(searched, listed, strict=True)]
    others = sorted({path for paths in candidates for path in paths} - after.keys())
    texts = {**dict(zip(others, reader.read_files([(path, head) for path in others]), strict=True)), **after}
    for (name, module), paths in zip(searched, candidates, strict=True):
        if user := next((path for path in paths if _uses(texts[path] or "", path, name, module)), None):
            return Use(name, user)
    return None


def _taken_away(path: str, before: str | None, after: str | None) -> list[str]:
    return sorted(_names(path, before) - _names(path, after), key=lambda name: (-len(name), name))


def _candidates(module: str, after: Mapping[str, str | None], listed: Sequence[str]) -> list[str]:
    """Return the files that may use a name of the module: the edited ones, then those that the search lists."""
    others = [*(path for path in after if path != module), *(path for path in listed if not is_documentation(path))]
    return [path for path in list(dict.fromkeys(others))[:MAX_FILES] if path != module]


def _uses(text: str, path: str, name: str, module: str) -> bool:
    pure = PurePosixPath(module)
    named = pure.parent.name if pure.stem in _ROOTS else pure.stem
    if not named or not _holds(text, name):
        return False
    if pure.suffix in _PYTHON:
        return _imports(text, name, named, pure, PurePosixPath(path))
    is_near = PurePosixPath(path).parent == pure.parent and pure.suffix not in _BY_FILE
    return is_near or _holds(text, named)


def _imports(text: str, name: str, named: str, module: PurePosixPath, path: PurePosixPath) -> bool:
    """Return whether Python code takes the name from the module: by an import, or as an attribute of it."""
    if re.search(rf"(?<!\w){re.escape(named)}\.{re.escape(name)}(?!\w)", text):
        return True
    own_folder = module.stem in _ROOTS and module.parent == path.parent
    return any(
        (each["module"].split(".")[-1] == named or (own_folder and each["module"] == ".")) and name in _taken(each)[0]
        for each in _IMPORTED.finditer(text)
    )


def _taken(match: re.Match[str]) -> tuple[set[str], set[str]]:
    """Return the names that an import takes from its module, and those by which it knows them then."""
    pairs = [_NAME.findall(part.split("#")[0]) for part in (match["several"] or match["one"] or "").split(",")]
    return {words[0] for words in pairs if words}, {words[-1] for words in pairs if words}


def _holds(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def _names(path: str, text: str | None) -> set[str]:
    if not text:
        return set()
    names = {match["name"] for match in _DEFINED.finditer(text)}
    if path.endswith(_PYTHON):
        names |= {match["name"] for match in _ASSIGNED.finditer(text)}
        for match in _IMPORTED.finditer(text):
            names |= _taken(match)[1] if not match["indent"] else set()
    return names
