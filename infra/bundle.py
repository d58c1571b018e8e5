"""Bundle a function: its folder and just the modules of `shared/` it imports, as a folder and a zip.

    python -m infra.bundle [NAME ...]      writes build/<name>/ and build/<name>.zip, by default for every function

The same sources give the same bytes, so the hash of the zip is the identity of the deployment.
"""

import ast
import functools
import hashlib
import shutil
import sys
import threading
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PARSING = threading.Lock()
ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ROOT / "functions"
BUILD = ROOT / "build"
CONSTRAINTS = ROOT / "infra" / "constraints.txt"
# The oldest time a zip can hold: every file gets it, so that only contents change the hash.
EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Bundle:
    """What was written; `sha256` is the zip's."""

    name: str
    folder: Path
    archive: Path
    sha256: str


def names() -> list[str]:
    """Return the name of every function: a folder of functions/ that has a main.py."""
    return sorted(main.parent.name for main in FUNCTIONS.glob("*/main.py"))


@dataclass(frozen=True)
class Closure:
    """
    The Python files a function runs on.

    `used` are its own and the modules of shared/ its imports name. `passed` are the `__init__.py` of packages that are
    only passed through, as by `from shared.model.port import ModelReply`: they run at import, but the adapters their
    `connect` would import stay outside, because nothing names them.
    """

    used: frozenset[Path]
    passed: frozenset[Path]

    def imports(self) -> set[str]:
        """Return every dotted name the closure imports."""
        inside = set[str]().union(*(imported(path) for path in self.used))
        return inside.union(*(imported_at_once(path) for path in self.passed))


def closure(name: str) -> Closure:
    """Return what the function runs on, computed from its imports."""
    used: set[Path] = set()
    passed: set[Path] = set()
    waiting = list((FUNCTIONS / name).rglob("*.py"))
    while waiting:
        path = waiting.pop()
        if path in used:
            continue
        used.add(path)
        for dotted in imported(path):
            waiting += module_files(dotted)
            for package in _packages_passed(dotted) - passed:
                passed.add(package)
                waiting += [file for inner in imported_at_once(package) for file in module_files(inner)]
    return Closure(frozenset(used), frozenset(passed - used))


def imported(path: Path) -> frozenset[str]:
    """Return the absolute dotted names a file imports anywhere, `from a import b` as both `a` and `a.b`."""
    return _imported(path.read_bytes(), at_once=False)


def imported_at_once(path: Path) -> frozenset[str]:
    """Return the names a file imports when it is itself imported: not those inside its functions."""
    return _imported(path.read_bytes(), at_once=True)


# The functions share most modules, so each content is parsed once for all of them.
@functools.lru_cache(maxsize=2048)
def _imported(source: bytes, *, at_once: bool) -> frozenset[str]:
    # Python 3.11 counts the depth of all threads that parse in one place, and fails when two do: CPython issue 106905.
    with _PARSING:
        tree = ast.parse(source)
    return _names(tree.body if at_once else ast.walk(tree))


def _names(nodes: Iterable[ast.AST]) -> frozenset[str]:
    dotted: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            dotted |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            dotted |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(dotted)


def module_files(dotted: str) -> list[Path]:
    """Return the file of a module of shared/, or no file when it is not one."""
    base = ROOT.joinpath(*dotted.split("."))
    candidates = (base / "__init__.py", base.with_suffix(".py")) if dotted.startswith("shared") else ()
    return [path for path in candidates if path.is_file()]


def _packages_passed(dotted: str) -> set[Path]:
    parts = dotted.split(".")
    parents = (".".join(parts[:depth]) for depth in range(1, len(parts)))
    return {file for parent in parents for file in module_files(parent) if file.name == "__init__.py"}


def files(name: str) -> dict[str, bytes]:
    """Return the bundle's contents by path in the bundle."""
    folder = FUNCTIONS / name
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no function {name!r} in {FUNCTIONS}")
    own = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    contents = {path.relative_to(folder).as_posix(): path.read_bytes() for path in own}
    reached = closure(name)
    shared = {path for path in reached.used | reached.passed if folder not in path.parents}
    contents |= {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in shared}
    return dict(sorted(contents.items()))


def write(name: str, build: Path = BUILD) -> Bundle:
    """Write the folder and the zip of one function. Raises FileNotFoundError when there is no such function."""
    contents = files(name)
    folder, archive = build / name, build / f"{name}.zip"
    shutil.rmtree(folder, ignore_errors=True)
    for relative, content in contents.items():
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for relative, content in contents.items():
            packed.writestr(zipfile.ZipInfo(relative, EPOCH), content)
    return Bundle(name, folder, archive, hashlib.sha256(archive.read_bytes()).hexdigest())


def main(wanted: list[str]) -> int:
    """Write the wanted bundles and print their hashes."""
    for name in wanted or names():
        bundle = write(name)
        print(f"{bundle.sha256[:16]}  build/{name}.zip  {bundle.archive.stat().st_size // 1024} KB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
