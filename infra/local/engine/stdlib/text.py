"""
Module `text`. Strings are indexed by code point.

Regular expressions are RE2's at Google and Python's here: what RE2 rejects (look-around, backreferences) is rejected,
and of the matches that start at one position the longest wins ("text.replace_all_regex"), unless the pattern contains
an assertion such as `$` or a word boundary: then the first alternative wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote

from infra.local.engine.language.errors import value_error
from infra.local.engine.language.values import Value
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, pure

# Python takes the first alternative, and the shortest match of a lazy quantifier.
_MAY_BE_LONGER = re.compile(r"\||[*+?}]\?")
_ASSERTION = re.compile(r"\$|\\[bBzZ]")
_BEYOND_RE2 = re.compile(r"(?<!\\)(?:\\\\)*(?:\\[1-9]|\(\?(?:[=!]|<[=!]|P=|\())")


def decode(data: Value, charset: Value = "UTF-8") -> Value:
    """Return bytes as a string."""
    try:
        return arguments.data(data, "data").decode(arguments.text(charset, "charset"))
    except (UnicodeDecodeError, LookupError) as error:
        raise value_error(f"data cannot be decoded as {charset}") from error


def encode(data: Value, charset: Value = "UTF-8") -> Value:
    """Return a string as bytes."""
    try:
        return arguments.text(data, "data").encode(arguments.text(charset, "charset"))
    except (UnicodeEncodeError, LookupError) as error:
        raise value_error(f"data cannot be encoded as {charset}") from error


def find_all(source: Value, substr: Value) -> Value:
    """Return the indexes of a substring, without overlaps."""
    pattern = re.escape(arguments.text(substr, "substr"))
    return [match.start() for match in re.finditer(pattern, arguments.text(source, "source"))]


def find_all_regex(source: Value, regexp: Value) -> Value:
    """Return the index and the text of each match."""
    text = arguments.text(source, "source")
    return [{"index": start, "match": text[start:end]} for start, end in _matches(_compiled(regexp), text)]


def match_regex(source: Value, regexp: Value) -> Value:
    """Return whether any part of a string matches."""
    return _compiled(regexp).search(arguments.text(source, "source")) is not None


def replace_all(source: Value, substr: Value, repl: Value) -> Value:
    """Return a string with every occurrence of a substring replaced."""
    old, new = arguments.text(substr, "substr"), arguments.text(repl, "repl")
    return arguments.text(source, "source").replace(old, new)


def replace_all_regex(source: Value, regexp: Value, repl: Value) -> Value:
    """Return a string with every match replaced by literal text: there are no backreferences."""
    text, new = arguments.text(source, "source"), arguments.text(repl, "repl")
    parts, done = [], 0
    for start, end in _matches(_compiled(regexp), text):
        parts += [text[done:start], new]
        done = end
    return "".join([*parts, text[done:]])


def split(source: Value, separator: Value) -> Value:
    """Return the parts between separators; an empty separator splits into characters."""
    text, between = arguments.text(source, "source"), arguments.text(separator, "separator")
    return text.split(between) if between else list(text)


def substring(source: Value, start: Value, end: Value) -> Value:
    """Return the characters from `start` to before `end`; negative indexes count from the end, all are clamped."""
    text = arguments.text(source, "source")
    return text[arguments.integer(start, "start") : arguments.integer(end, "end")]


def to_lower(source: Value) -> Value:
    """Return a string in lower case."""
    return arguments.text(source, "source").lower()


def to_upper(source: Value) -> Value:
    """Return a string in upper case."""
    return arguments.text(source, "source").upper()


def url_encode(source: Value) -> Value:
    """Return a string percent-encoded, spaces as `%20`."""
    return quote(arguments.text(source, "source"), safe="")


def url_encode_plus(source: Value) -> Value:
    """Return a string percent-encoded, spaces as `+`."""
    return quote_plus(arguments.text(source, "source"), safe="")


def url_decode(source: Value) -> Value:
    """Return a percent-encoded string decoded; `+` is a space."""
    text = arguments.text(source, "source")
    if re.search(r"%(?![0-9a-fA-F]{2})", text):
        raise value_error(f"{text!r} is not percent-encoded")
    return unquote(text.replace("+", " "))


def _compiled(regexp: Value) -> re.Pattern[str]:
    pattern = arguments.text(regexp, "regexp")
    if _BEYOND_RE2.search(pattern):
        raise value_error(f"{pattern!r} is not an RE2 expression: RE2 has neither look-around nor backreferences")
    try:
        return re.compile(pattern)
    except re.error as error:
        raise value_error(f"{pattern!r} is not a regular expression: {error}") from error


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[tuple[int, int]]:
    """Yield start and end of each match from the left; an empty one directly after another is skipped."""
    position, last_end = 0, -1
    while position <= len(text) and (match := pattern.search(text, position)) is not None:
        start, end = match.start(), _max_match_end(pattern, text, match)
        if end > start or start != last_end:
            yield start, end
        last_end = end
        position = end if end > start else end + 1


def _max_match_end(pattern: re.Pattern[str], text: str, match: re.Match[str]) -> int:
    if _MAY_BE_LONGER.search(pattern.pattern) is None or _ASSERTION.search(pattern.pattern) is not None:
        return match.end()
    longer = (end for end in range(len(text), match.end(), -1) if pattern.fullmatch(text, match.start(), end))
    return next(longer, match.end())


FUNCTIONS: tuple[Function, ...] = (
    pure("text.decode", decode),
    pure("text.encode", encode),
    pure("text.find_all", find_all),
    pure("text.find_all_regex", find_all_regex),
    pure("text.match_regex", match_regex),
    pure("text.replace_all", replace_all),
    pure("text.replace_all_regex", replace_all_regex),
    pure("text.split", split),
    pure("text.substring", substring),
    pure("text.to_lower", to_lower),
    pure("text.to_upper", to_upper),
    pure("text.url_encode", url_encode),
    pure("text.url_encode_plus", url_encode_plus),
    pure("text.url_decode", url_decode),
)
