"""Stack traces of many languages, read from text."""

import re
from collections.abc import Sequence

from shared.analysis.logs.lines.prefixes import frame_start, without_prefixes
from shared.analysis.logs.stack_traces import dotnet, erlang, go, java, javascript, php, python, ruby, rust
from shared.analysis.logs.stack_traces.parsed import ParsedTrace

MAX_CHARS = 200_000
MAX_LINE = 1000
HINT = re.compile(
    r'^[^\w\n]*File "|Traceback \(most recent|^[^\S\n]*at \S|\.go:\d+|\.(?:rb|erb|rake|ru):\d+:in |^[^\S\n]*#0 '
    r"|panicked at |[Ss]tack backtrace:|BACKTRACE|\*\* \(|\[\{file,|in function +\S|CRASH REPORT|\[object\] \("
    r"| error: +\S.{0,500}? on line \d",
    re.MULTILINE,
)
"""
None of these reads over the end of a line: one that may, and fails, does so again from every line of a text whose lines
are all empty.
"""
ONE_LINE_WORDS = ("panicked at ", "PHP ", "[object] (", " with reason: ")
"""One of them is in each line that raises, names the place and has no stack: Rust, PHP, Monolog, Erlang's lager."""
PARSERS = (
    (re.compile(r"panicked at |[Ss]tack backtrace:|BACKTRACE"), rust.parse),
    (
        re.compile(r"\.(?:exs?|erl|heex):\d+: |\[\{file,|in function +\S+ \(\S+\.erl|CRASH REPORT| with reason: "),
        erlang.parse,
    ),
    (re.compile(r'File "[^"\n]+", line \d+'), python.parse),
    (
        re.compile(
            r"^[^\S\n]*at .*\([\w$.-]+\.(?:java|kts?|scala|groovy|cljc?)(?::\d+)?\)"
            r"|\((?:Native Method|Unknown Source)\)",
            re.MULTILINE,
        ),
        java.parse,
    ),
    (javascript.LOOKS_LIKE, javascript.parse),
    (
        re.compile(
            r"^[^\S\n]*at [\w.<>`+\[\],$|@'\-]+[^\S\n]?\([^)\n]*\)(?: in .+:line \d+)?(?:<---)?[^\S\n]*$", re.MULTILINE
        ),
        dotnet.parse,
    ),
    (re.compile(r"\.(?:go|s):\d+", re.MULTILINE), go.parse),
    (re.compile(r"\.(?:rb|erb|rake|ru|haml|slim)>?:\d+:in ", re.MULTILINE), ruby.parse),
    (
        re.compile(r"^[^\S\n]*#\d+ \S.*\(\d+\): |\[object\] \(|\.\w+ on line \d|\bUncaught [\w\\]+: ", re.MULTILINE),
        php.parse,
    ),
)


def parse(text: str, own_names: Sequence[str] = ()) -> list[ParsedTrace]:
    """
    Return the stack traces in the text, in their order.

    `own_names` are names (service, repository) under which the service's own code may be installed as a package.
    """
    text = without_prefixes(_bounded(text))
    if not HINT.search(text):
        return []
    for looks_like, parser in PARSERS:
        if looks_like.search(text) and (traces := parser(text, own_names)):
            return traces
    return []


def may_hold_trace(text: str) -> bool:
    """Return whether a text is worth parsing: it has several lines, or one of the kind that names its place itself."""
    if "\n" in text:
        return True
    for word in ONE_LINE_WORDS:  # noqa: SIM110 -- any() takes twice as long, and every line comes here
        if word in text:
            return True
    return False


def trace_start(text: str) -> int:
    """Return where a stack trace starts in the text; 0 where none is seen."""
    if match := HINT.search(text):
        return match.start()
    position = 0
    for line in text[:MAX_CHARS].split("\n"):
        if (start := frame_start(line)) >= 0:
            return position + start
        position += len(line) + 1
    return 0


def _bounded(text: str) -> str:
    """Truncate to more than any real trace has: logs are untrusted, and a pattern may take long on a very long line."""
    if len(text) > MAX_CHARS:
        text = text[: MAX_CHARS // 2] + "\n" + text[-MAX_CHARS // 2 :]
    if len(text) <= MAX_LINE:
        return text
    return "\n".join(line[:MAX_LINE] for line in text.split("\n"))
