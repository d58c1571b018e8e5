"""Stack traces of many languages, read from text."""

import re
from collections.abc import Sequence

from shared.analysis.logs.stack_traces import dotnet, go, java, javascript, php, python, ruby, rust
from shared.analysis.logs.stack_traces.parsed import ParsedTrace

MAX_CHARS = 200_000
MAX_LINE = 1000
HINT = re.compile(
    r'^[^\w\n]*File "|Traceback \(most recent|^[^\S\n]*at \S|\.go:\d+|\.(?:rb|erb|rake|ru):\d+:in |^[^\S\n]*#0 '
    r"|panicked at ",
    re.MULTILINE,
)
"""
None of these reads over the end of a line: one that may, and fails, does so again from every line of a text whose lines
are all empty.
"""
PARSERS = (
    (rust.START, rust.parse),
    (re.compile(r'File "[^"\n]+", line \d+'), python.parse),
    (
        re.compile(
            r"^[^\S\n]*at .*\([\w$.-]+\.(?:java|kt|kts|scala|groovy)(?::\d+)?\)|\((?:Native Method|Unknown Source)\)",
            re.MULTILINE,
        ),
        java.parse,
    ),
    (re.compile(r"^[^\S\n]*at .*(?::\d+:\d+\)?,?\s*\{?$|\(<anonymous>\)|\(node:)", re.MULTILINE), javascript.parse),
    (
        re.compile(r"^[^\S\n]*at [\w.<>`+\[\],$|\-]+[^\S\n]?\([^)\n]*\)(?: in .+:line \d+)?[^\S\n]*$", re.MULTILINE),
        dotnet.parse,
    ),
    (re.compile(r"\.(?:go|s):\d+", re.MULTILINE), go.parse),
    (re.compile(r"\.(?:rb|erb|rake|ru|haml|slim)>?:\d+:in ", re.MULTILINE), ruby.parse),
    (re.compile(r"^[^\S\n]*#\d+ \S.*\(\d+\): ", re.MULTILINE), php.parse),
)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """
    Return the stack traces in the text, in their order.

    `own_names` are names (service, repository) under which the service's own code may be installed as a package.
    """
    text = _bounded(text)
    if not HINT.search(text):
        return []
    for looks_like, parser in PARSERS:
        if looks_like.search(text) and (traces := parser(text, own_names)):
            return traces
    return []


def _bounded(text: str) -> str:
    """Truncate to more than any real trace has: logs are untrusted, and a pattern may take long on a very long line."""
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS // 2] + "\n" + text[-MAX_CHARS // 2 :]
    if len(text) <= MAX_LINE:
        return text
    return "\n".join(line[:MAX_LINE] for line in text.split("\n"))
