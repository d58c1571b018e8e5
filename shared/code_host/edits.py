"""Apply exact edits and return whole files, or reject them: nothing outside an edit changes."""

import re
from collections.abc import Callable, Sequence

from shared.code_host.port import FileWrite
from shared.contracts import FileEdit
from shared.errors import Rejected

Read = Callable[[str], str | None]


def apply(edits: Sequence[FileEdit], read: Read) -> list[FileWrite]:
    """
    Return the whole new text of every edited file, in the order of each file's first edit.

    Edits of one file are applied in order, each to the result of the previous one. In a file whose lines all end with
    CRLF, bare LF in an edit means CRLF. `read` returns a file's text, or None when the file is absent.
    Raises Rejected (naming file and reason) when a path leaves the repository, `original` is absent or occurs more
    than once, the file is missing, or a created file exists already.
    """
    texts: dict[str, str | None] = {}
    for edit in edits:
        check_path(edit.path)
        current = texts[edit.path] if edit.path in texts else read(edit.path)
        texts[edit.path] = _applied(edit, current)
    return [FileWrite(path, text) for path, text in texts.items()]


def check_path(path: str) -> None:
    """Check that the path is relative, normalised and inside the repository; raises Rejected otherwise."""
    parts = path.split("/")
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        raise Rejected(f"{path!r} is absolute; paths are relative to the repository")
    if "\\" in path or any(ord(char) < 32 for char in path):
        raise Rejected(f"{path!r} has a backslash or a control character")
    if any(part in ("", ".", "..") for part in parts):
        raise Rejected(f"{path!r} has an empty, '.' or '..' part")
    if any(part.lower().rstrip(". ") == ".git" for part in parts):
        raise Rejected(f"{path!r} is inside git's own folder")


def occurrences(needle: str, text: str) -> int:
    """Count where `needle` occurs, overlaps included; an empty `needle` counts as one in an empty text, else as two."""
    if not needle:
        return 2 if text else 1
    count, position = 0, text.find(needle)
    while position >= 0:
        count, position = count + 1, text.find(needle, position + 1)
    return count


def _applied(edit: FileEdit, current: str | None) -> str | None:
    if edit.original is None:
        return _created(edit, current)
    if current is None:
        raise Rejected(f"{edit.path!r} is not in the repository, so it cannot be edited")
    original, new = _in_newline_style(edit, current)
    count = occurrences(original, current)
    if count == 0:
        raise Rejected(f"{edit.path!r} does not contain the text to replace: {_excerpt(original)}")
    if count > 1:
        raise Rejected(f"{edit.path!r} contains the text to replace more than once: {_excerpt(original)}")
    if new is None:
        return None
    if original == new:
        raise Rejected(f"{edit.path!r} has an edit that changes nothing: {_excerpt(original)}")
    before, after = current.split(original, 1) if original else ("", "")
    return before + new + after


def _created(edit: FileEdit, current: str | None) -> str:
    if edit.new is None:
        raise Rejected(f"{edit.path!r} has an edit with neither original nor new text")
    if current is not None:
        raise Rejected(f"{edit.path!r} exists already, so it cannot be created")
    return edit.new


def _in_newline_style(edit: FileEdit, current: str) -> tuple[str, str | None]:
    """Return the edit's texts, with CRLF when the file uses only CRLF and the edit only LF."""
    original, new = edit.original or "", edit.new
    is_crlf = "\r\n" in current and current.count("\n") == current.count("\r\n")
    if not is_crlf or "\r" in original or "\r" in (new or ""):
        return original, new
    return original.replace("\n", "\r\n"), None if new is None else new.replace("\n", "\r\n")


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:77]}...")
