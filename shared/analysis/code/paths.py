"""From a stack frame to the file of the repository it means."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import Protocol, TypeVar

from shared.contracts import Frame

# Bundlers and browsers name sources by URL: webpack:///./src/a.js, webpack://app/(rsc)/./src/a.ts?1f2e, file:///app/a.js
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:///?")
_LAYER = re.compile(r"\([\w-]+\)/")
_DRIVE = re.compile(r"^[A-Za-z]:")
_COMPILED_FOLDERS = {"dist", "build", "out", "lib", ".next", "target"}
_SOURCE_SUFFIXES = {
    ".js": (".ts", ".tsx", ".jsx", ".mjs", ".mts"),
    ".jsx": (".tsx",),
    ".mjs": (".mts", ".ts"),
    ".cjs": (".cts", ".ts"),
    ".pyc": (".py",),
    ".java": (".kt", ".scala", ".groovy"),
}
_JVM_SUFFIXES = {".java", ".kt", ".scala", ".groovy"}
_TEST_NAME = re.compile(r"^(test_.*|.*_test|.*[._-](test|spec|tests)|.*(Test|Tests|TestCase|Spec|IT)|conftest)$")
_TEST_FOLDERS = {"t", "test", "tests", "testing_tests", "spec", "specs", "__tests__", "testdata", "fixtures"}
_SOURCE_ROOTS = {"src", "lib", "python"}
_VENDORED = {"vendor", "node_modules", "third_party", "site-packages", "dist-packages", "_vendor"}


@dataclass(frozen=True)
class Match:
    """Files a frame may mean, best first; `exact` when the repository holds the very file the frame names."""

    paths: tuple[str, ...]
    exact: bool = True


class Tree:
    """The paths of a repository, indexed by file name."""

    def __init__(self, paths: Sequence[str], service_name: str = "", repo: str = "") -> None:
        self._paths = paths
        self.names = tuple(name for name in (service_name, repo.rpartition("/")[2]) if name)
        """Under these the service's own package may be installed."""
        self.roots = frozenset(path.partition("/")[0] for path in paths if "/" in path)
        """The folders at the repository's root."""
        self._by_name: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        self._service = service_name.lower()
        for path in paths:
            parts = tuple(path.split("/"))
            self._by_name[parts[-1].lower()].append(parts)

    def match(self, frame: Frame) -> Match:
        """Return the repository files the frame may mean: one when certain, several when their text must decide."""
        parts = frame_parts(frame)
        if not parts:
            return Match(())
        paths = self._best(parts)
        return Match(paths) if paths else Match(self._best_source(parts), exact=False)

    def holds(self, parts: Sequence[str]) -> bool:
        """Return whether a file that is not vendored ends with this whole path; a bare name is at a source's root."""
        wanted = tuple(part.lower() for part in parts)
        for candidate in self._by_name.get(wanted[-1], []) if wanted else []:
            above = candidate[: len(candidate) - len(wanted)]
            is_end = tuple(part.lower() for part in candidate[len(above) :]) == wanted
            if is_end and _VENDORED.isdisjoint(candidate) and (len(wanted) > 1 or set(above) <= _SOURCE_ROOTS):
                return True
        return False

    def has_manifest(self, package: str, manifests: Sequence[str]) -> bool:
        """Return whether the repository declares a package: in a folder of its name, or by a gem's specification."""
        folders = {
            candidate[-2].lower()
            for name in manifests
            for candidate in self._by_name.get(name.lower(), [])
            if len(candidate) > 1 and _VENDORED.isdisjoint(candidate)
        }
        return package.lower() in folders or f"{package}.gemspec".lower() in self._by_name

    def module(self, dotted: str) -> str | None:
        """Return the one file of a module or class an error names (`shop.cart`, `org.shop.Cart`)."""
        suffix = "/" + dotted.replace(".", "/")
        matches = [path for path, stem in self._stems.items() if stem.endswith(suffix) and not is_documentation(path)]
        return matches[0] if len(matches) == 1 else None

    @cached_property
    def _stems(self) -> dict[str, str]:
        """The module of each path."""
        return {path: "/" + path.rsplit(".", 1)[0].removesuffix("/__init__") for path in self._paths}

    def _best_source(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        """Return the sources a compiled file was built from."""
        pure = PurePosixPath(parts[-1])
        folders = tuple(part for part in parts[:-1] if part not in _COMPILED_FOLDERS)
        for suffix in _SOURCE_SUFFIXES.get(pure.suffix, ()):
            paths = self._best((*folders, f"{pure.stem}{suffix}"))
            if paths:
                return paths
        return ()

    def _best(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        candidates = self._by_name.get(parts[-1].lower(), [])
        ranks = {candidate: self._rank(candidate, parts) for candidate in candidates}
        ranked = sorted((rank, "/".join(candidate)) for candidate, rank in ranks.items())
        if not ranked:
            return ()
        return tuple(path for rank, path in ranked if rank == ranked[0][0])

    def _rank(self, candidate: tuple[str, ...], parts: tuple[str, ...]) -> tuple[int, bool, bool, int]:
        """Return the sort key: longest common end, then not vendored, of this service, one path a part of the other."""
        common = _common_end(candidate, parts)
        is_whole = common in (len(candidate), len(parts))
        foreign = bool(self._service) and not any(self._service in part.lower() for part in candidate[:-1])
        vendored = not _VENDORED.isdisjoint(candidate)
        return -common, vendored, foreign, 0 if is_whole else 1


def frame_parts(frame: Frame) -> tuple[str, ...]:
    """Return the parts of the frame's path as a repository would name them, roots included."""
    path = frame.path.replace("\\", "/").split("?")[0]
    path = _LAYER.sub("", _DRIVE.sub("", _SCHEME.sub("", path)))
    parts = tuple(part for part in path.split("/") if part not in ("", ".", ".."))
    if len(parts) == 1 and PurePosixPath(path).suffix in _JVM_SUFFIXES:
        return (*_jvm_package(frame.function), *parts)
    return parts


def is_test(path: str) -> bool:
    """Return whether a path is test code by the conventions of its language."""
    pure = PurePosixPath(path)
    return not _TEST_FOLDERS.isdisjoint(pure.parts[:-1]) or bool(_TEST_NAME.match(pure.stem))


class HasPath(Protocol):
    """A stack frame, in either form."""

    @property
    def path(self) -> str:
        """The file."""

    @property
    def in_app(self) -> bool:
        """Whether it is the service's own code."""


AnyFrame = TypeVar("AnyFrame", bound=HasPath)


def deepest_own(frames: Sequence[AnyFrame]) -> AnyFrame | None:
    """Return the deepest frame of the service's own code, of its tests only where there is no other."""
    own = [frame for frame in reversed(frames) if frame.in_app]
    return next((frame for frame in own if not is_test(frame.path)), own[0] if own else None)


def is_documentation(path: str) -> bool:
    """
    Return whether a path is documentation or an example, which the service never runs.

    A `.txt` is one by its name in capitals (README.txt, CHANGES.txt): requirements.txt and CMakeLists.txt build it.
    """
    pure = PurePosixPath(path)
    is_text = pure.suffix.lower() in {".md", ".rst", ".adoc"} or (pure.suffix == ".txt" and pure.stem.isupper())
    return is_text or pure.parts[0].lower() in {"docs", "doc", "examples"}


def _jvm_package(function: str) -> tuple[str, ...]:
    """Return the package of `app//org.shop.cart.Cart$Line.total`: the lowercase parts before the class."""
    parts = function.rsplit("/", 1)[-1].split("(")[0].split(".")
    package: list[str] = []
    for part in parts[:-1]:
        if part[:1].isupper():
            break
        package.append(part)
    return tuple(package)


def _common_end(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    length = 0
    for left, right in zip(reversed(one), reversed(other), strict=False):
        if left.lower() != right.lower():
            break
        length += 1
    return length
