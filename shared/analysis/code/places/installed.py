"""Where package managers put files: the package that a path belongs to, and the file's path in it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Parts = tuple[str, ...]

_PYTHON = re.compile(r"python\d(?:\.\d+)?t?")
_GEM = re.compile(r"(?P<name>[A-Za-z]\w*(?:[.-][A-Za-z]\w*)*)-\d[^/]*")
_CRATE = re.compile(r"(?P<name>[A-Za-z]\w*(?:-[A-Za-z]\w*)*)-(?:\d|[0-9a-f]{7,}$)")
_MAJOR = re.compile(r"v\d+")
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class Installed:
    """A file of a package that was installed: the package's name, and the file's path in the package."""

    package: str
    path: Parts
    is_named_by_folder: bool = False
    """The package's folder is a folder of its repository too (Python), so that `path` begins with it."""


def installed(parts: Parts) -> Installed | None:
    """Return which package the file at this path is of; None where no package manager put it there."""
    # They nest (a package's own node_modules, a virtual environment in a vendored folder): the last one counts.
    for index in range(len(parts) - 1, -1, -1):
        for is_marker, read in _READERS:
            if is_marker(parts, index) and (one := read(parts[index + 1 :])) is not None:
                return one
    return _go_module(parts) if any("@v" in part for part in parts[:-1]) else None


def _is_python(parts: Parts, index: int) -> bool:
    part = parts[index]
    is_library = _PYTHON.fullmatch(part) is not None and parts[index - 1 : index] in (("lib",), ("lib64",))
    return is_library or part in ("site-packages", "dist-packages") or part.endswith(".egg")


def _python(rest: Parts) -> Installed | None:
    return Installed(rest[0].removesuffix(".py"), rest, is_named_by_folder=True) if rest else None


def _node(rest: Parts) -> Installed | None:
    size = 2 if rest[0].startswith("@") else 1
    return Installed("/".join(rest[:size]), rest[size:]) if len(rest) > size else None


def _gem(rest: Parts) -> Installed | None:
    match = _GEM.fullmatch(rest[0])
    return Installed(match["name"], rest[1:]) if match and len(rest) > 1 else None


def _go_module(rest: Parts) -> Installed | None:
    """Read `host/owner/name/path`, or `host/owner/name[/sub]@version/path`; the name is the repository's."""
    if len(rest) < 4 or not _HOST.fullmatch(rest[0]):
        return None
    size = next((place for place, part in enumerate(rest, 1) if "@" in part), 3)
    inner = rest[size:]
    path = inner[1:] if inner and _MAJOR.fullmatch(inner[0]) else inner
    return Installed(rest[2].partition("@")[0], path) if path else None


def _vendored(rest: Parts) -> Installed | None:
    """Read a Go module or a PHP package (`owner/name/path`) below a folder for the code of others."""
    size = min(2, len(rest) - 1)
    return _go_module(rest) or (Installed(rest[size - 1], rest[size:]) if size else None)


def _crate(rest: Parts) -> Installed | None:
    """Read `<index>/<name>-<version>/path` or `<name>-<hash>/<revision>/path`."""
    for place, part in enumerate(rest[:2]):
        if match := _CRATE.match(part):
            return Installed(match["name"], rest[place + 1 :][place == 0 :])
    return None


def _is(*expected: str) -> Callable[[Parts, int], bool]:
    """Return what recognises a marker of these consecutive parts that ends at an index."""
    return lambda parts, index: parts[max(index - len(expected) + 1, 0) : index + 1] == expected


_READERS: Sequence[tuple[Callable[[Parts, int], bool], Callable[[Parts], Installed | None]]] = (
    (_is_python, _python),
    (_is("node_modules"), _node),
    (_is("gems"), _gem),
    (_is("pkg", "mod"), _go_module),
    (_is("go", "src"), _go_module),
    (_is("vendor"), _vendored),
    (_is("registry", "src"), _crate),
    (_is("git", "checkouts"), _crate),
)
