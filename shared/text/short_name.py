"""Names of exceptions and functions as a headline has room for them: without the packages they are in."""

import re

_SEPARATOR = re.compile(r"::|->|[./\\]")
_ARGUMENTS = re.compile(r"(?<=\w)\(.*\)$")
_PAIRS = ("()", "<>", "[]")


def short_name(name: str, parts: int = 1) -> str:
    """
    Return the last `parts` of a qualified name, without arguments: one of an exception, class and method of a function.

    A name whose end would be half of something, as of a generic type, stays whole.
    """
    whole = _ARGUMENTS.sub("", name)
    ends = [match.end() for match in _SEPARATOR.finditer(whole)]
    short = whole[ends[-parts] :] if len(ends) >= parts else whole
    is_half = not short or any(short.count(pair[0]) != short.count(pair[1]) for pair in _PAIRS)
    return name if is_half else short
