"""Where what an exception's message names is defined, or stands as a literal."""

import re
from collections.abc import Iterator, Sequence

from shared import log
from shared.analysis.code import spans
from shared.analysis.code.line_history import Place
from shared.analysis.code.paths import is_documentation, is_test
from shared.analysis.code.places.location import CodeLocation, Files
from shared.bounds import clip
from shared.code_host.port import CodeReader
from shared.contracts import StackTrace
from shared.errors import IncidentCopilotError

MAX_SEARCHES = 2
"""Code hosts allow few searches a minute."""
MAX_FOUND = 5

_CLASS = re.compile(
    r"'(?P<name>[A-Z]\w{2,})' object|\btype object '(?P<type>[A-Z]\w{2,})'|\b(?P<owner>[A-Z]\w{2,})[.#]\w+\(\)?"
)
_FUNCTION = re.compile(r"\b(?P<name>[a-z_]\w{3,})\(\) (?:missing|takes|got)\b")
_KEY = re.compile(r"^u?(?P<quote>['\"])(?P<key>[A-Za-z][\w.-]{3,59})(?P=quote)$")
_KEY_ERRORS = ("KeyError", "NoSuchElementException", "UnknownKeyException")
_BUILTIN = re.compile(r"^(?:NoneType|__\w+__)$")


def definitions(
    trace: StackTrace, reader: CodeReader, files: Files, listed: Sequence[str], depth: int
) -> Iterator[CodeLocation]:
    """
    Yield where the classes, functions and keys of a trace's message are defined, in files that are not `listed`.

    Nothing is yielded where the host does not search. Raises Unavailable, Throttled, Refused (a file cannot be read).
    """
    for wanted in _wanted(trace)[:MAX_SEARCHES]:
        paths = (path for path in _searched(wanted, reader) if path not in listed)
        for path in sorted(path for path in paths if not is_test(path) and not is_documentation(path)):
            text = files.text(path)
            # A host's search is of words; the text itself must be there.
            if text is None or wanted not in text:
                continue
            line = text[: text.index(wanted)].count("\n") + 1
            place = Place(path, line, text.split("\n")[line - 1].strip(), spans.enclosing(path, text, line), depth)
            issue = f"The message of {trace.exception_type} names what line {line} defines: {clip(place.text, 200)}"
            yield CodeLocation(place, text, issue, "No frame is in it.", (), is_frame=False)


def _searched(wanted: str, reader: CodeReader) -> Sequence[str]:
    """
    Return the files that hold a text; none when the host refuses to search, or not so often.

    A message chooses whether a search is made, and a user may choose the message; what the frames tell stands without.
    """
    try:
        return reader.search(wanted, limit=MAX_FOUND)
    except IncidentCopilotError as error:
        log.warning("code_analysis.search_failed", wanted=wanted, error_type=type(error).__name__, error=str(error))
        return []


def _wanted(trace: StackTrace) -> list[str]:
    """Return the texts that define what the message names."""
    message = clip(trace.message, 500)
    classes = [next(filter(None, match.groups())) for match in _CLASS.finditer(message)]
    functions = [match["name"] for match in _FUNCTION.finditer(message)]
    key = _KEY.match(message.strip()) if trace.exception_type.endswith(_KEY_ERRORS) else None
    wanted = [f"class {name}" for name in classes if not _BUILTIN.match(name)]
    wanted += [f"def {name}(" for name in functions if not _BUILTIN.match(name)]
    return list(dict.fromkeys([*wanted, *([key["key"]] if key else [])]))
