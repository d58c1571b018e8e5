"""Which frames of a trace are the repository's code: its tree says so, where a path only suggests it."""

import re
from collections.abc import Sequence

from shared.analysis.code.paths import Tree, frame_parts, is_test
from shared.analysis.code.places.installed import Installed, installed
from shared.contracts import Frame, StackTrace

_MANIFESTS = ("package.json", "Cargo.toml", "composer.json", "go.mod")
_NOT_ALPHABETIC = re.compile(r"[^a-z0-9]+")
RAISES = re.compile(r"^(?:raise|throw|panic!?\s*\(|die\b|croak\b|abort\s*\()")
_RAISED_BY_JVM = re.compile(
    r"(?:NullPointer|IndexOutOfBounds|ClassCast|Arithmetic|ArrayStore|NegativeArraySize)Exception$|Error$"
)
"""What an instruction raises by itself; errors are the JVM's own too (StackOverflowError, OutOfMemoryError)."""


def own_frames(trace: StackTrace, tree: Tree) -> list[Frame]:
    """
    Return the frames worth reading, the likeliest fault first: the deepest, product code before tests.

    Where the deepest raises on purpose and another file calls it, the caller comes first: what it was called with is at
    fault. On 135 recorded crashes of Java, whose sources were not read, the first file was right in 66 % instead of 61.
    """
    own = [frame for frame in reversed(trace.frames) if is_own(frame, tree)]
    if not own:
        # The service may itself be a library of the kind that services use.
        own = [frame for frame in reversed(trace.frames) if tree.holds(frame_parts(frame))]
    return caller_before_raise(sorted(own, key=lambda frame: is_test(frame.path)), trace)


def is_own(frame: Frame, tree: Tree) -> bool:
    """
    Return whether a frame is in the repository.

    What a package manager installed is, where the tree has the package and the file. Elsewhere the path decides, and
    the tree must have a file that it can mean; for a class of the JVM, in its package.
    """
    package = installed(frame_parts(frame))
    if package is not None:
        return _is_own_package(package, frame, tree)
    return frame.in_app and bool(tree.match(frame).paths)


def _is_own_package(package: Installed, frame: Frame, tree: Tree) -> bool:
    if package.is_named_by_folder:
        return tree.holds(package.path)
    name = package.package.rpartition("/")[2]
    is_declared = tree.has_manifest(name, _MANIFESTS) or _plain(name) in map(_plain, tree.names)
    return is_declared and bool(tree.match(frame.replace(path="/".join(package.path))).paths)


def caller_before_raise(frames: Sequence[Frame], trace: StackTrace) -> list[Frame]:
    """Return the frames, deepest first, the direct caller of one that raises on purpose before it."""
    listed = list(frames)
    if listed[:2] == trace.frames[:-3:-1] and len(listed) > 1 and _raises_on_purpose(listed[0], trace):
        raising, caller = listed[:2]
        if caller.path != raising.path and not is_test(caller.path):
            listed[:2] = [caller, raising]
    return listed


def _raises_on_purpose(frame: Frame, trace: StackTrace) -> bool:
    """Return whether a statement raises; a trace with its text is judged by that later, the JVM's by its type."""
    return trace.language == "java" and not frame.code and not _RAISED_BY_JVM.search(trace.exception_type)


def _plain(name: str) -> str:
    return _NOT_ALPHABETIC.sub("", name.lower())
