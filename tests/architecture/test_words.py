"""The field's standard terms: no identifier, file, log event or metric is named in words only we would understand."""

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from infra import bundle

PART_OF_A_NAME = {
    "adorn adorning": "optional update",
    "answerer answerers": "callback_senders",
    "begin": "start",
    "bury buries buried burier buriers": "dead_letter",
    "cut cuts cutting": "redact, truncate, or a noun for a moment",
    "desk desks": "what it does: router, service, tool",
    "door doors": "endpoint, subscriber, scheduled job, channel",
    "fewest longest": "MIN_, MAX_",
    "house houses": "system, stack",
    "impostor impostors": "fake, sandbox",
    "letter letters": "message; dead_letter is Pub/Sub's own term",
    "neighbour neighbours": "dependency",
    "patience patiently": "timeout, with_retries",
    "picture pictures": "summary, image",
    "rememberer rememberers": "trace_writers",
    "room rooms": "package, folder",
    "shapeless": "UnexpectedResponse",
    "stranger strangers": "unauthenticated",
    "tell tells telling tellings teller told untold": "publish, notify, report, say",
}
"""Words banned wherever they stand in a name, and what to write."""

WHOLE_NAME = {
    "beside": "related_change, existing_pull_request, nearby",
    "fence": "prompt_evidence",
    "asked found given heard kept known laid said shown": "a noun that says what the variable holds",
    "look": "summarize, read",
    "memory": "store, memory_use",
    "never_left": "was_not_sent",
    "silence": "on_no_reply, or what is silent",
}
"""Words banned as a whole name, with or without a leading underscore."""

PREFIX = re.compile(r"^_?(MOST|FEWEST|LONGEST|LEAST)_")
FILES = {"wire": "what it does: retries, http_reader, gemini_response"}

EXCEPTIONS = {
    "cannot_tell": "the third verdict, in the words that the brief says to its reader",
    "dead_?letter": "Google's term for what Pub/Sub could not deliver, and its settings' name",
    "silence_url": "Grafana's own name for the link",
}
"""Parts of names that stay, and why."""


@dataclass(frozen=True)
class Name:
    """A name somebody gave, and where."""

    text: str
    path: Path
    line: int

    def __str__(self) -> str:
        return f"{self.path.relative_to(bundle.ROOT)}:{self.line} {self.text!r}"


def _files(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", *patterns], cwd=bundle.ROOT, capture_output=True, text=True, check=True)
    return [path for line in listed.stdout.splitlines() if (path := bundle.ROOT / line).is_file()]


def _names_given(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield what the code names itself: definitions, parameters, variables, fields; not what it only refers to."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno


def _events(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield the event names of log lines: the first argument of `log.info("package.past_tense")` and its like."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="log" | "logger" | "_log")),
                args=[ast.Constant(value=str(event)), *_],
            ):
                yield event, node.lineno


def _identifiers_of_terraform(text: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r'^\s*(?:resource|data)\s+"\w+"\s+"(\w+)"', line):
            yield name, number
        for name in re.findall(r'^\s*(?:variable|output|module)\s+"(\w+)"|^\s*(\w+)\s*=\s', line):
            yield name[0] or name[1], number


def _identifiers_of_a_workflow(text: str) -> Iterator[tuple[str, int]]:
    for number, line in enumerate(text.splitlines(), 1):
        for name in re.findall(r"^\s*-\s+(\w+):|^\s*(?:result|as|value):\s+(\w+)\s*$|^(\w+):", line):
            yield "".join(name), number


@cache
def names() -> tuple[Name, ...]:
    """Return every name given in the product, its tests, its workflows and its Terraform."""
    rows = [Name(path.stem, path, 0) for path in _files("*.py", "*.tf", "*.yaml")]
    for path in _files("*.py"):
        tree = ast.parse(path.read_bytes())
        rows += [Name(text, path, line) for text, line in (*_names_given(tree), *_events(tree))]
    for path in _files("*.tf"):
        rows += [Name(text, path, line) for text, line in _identifiers_of_terraform(path.read_text())]
    for path in _files("workflows/*.workflows.yaml"):
        rows += [Name(text, path, line) for text, line in _identifiers_of_a_workflow(path.read_text())]
    return tuple(rows)


def _parts(name: str) -> set[str]:
    for exception in EXCEPTIONS:
        name = re.sub(exception, "", name, flags=re.IGNORECASE)
    return {part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)}


def _report(broken: list[Name], words: str, better: str) -> str:
    places = "\n  ".join(map(str, broken[:40]))
    return f"{len(broken)} names use {words!r}; write instead: {better}\n  {places}"


@pytest.mark.parametrize("words", PART_OF_A_NAME)
def test_no_name_holds_a_word_of_the_private_dialect(words: str) -> None:
    """Names hold the field's words; what to write instead stands in the message."""
    banned = set(words.split())

    broken = [name for name in names() if banned & _parts(name.text)]

    assert not broken, _report(broken, words, PART_OF_A_NAME[words])


@pytest.mark.parametrize("words", WHOLE_NAME)
def test_no_name_is_a_bare_participle(words: str) -> None:
    """A variable's name is a noun that says what it holds."""
    banned = set(words.split())

    broken = [name for name in names() if name.text.lstrip("_").lower() in banned]

    assert not broken, _report(broken, words, WHOLE_NAME[words])


def test_bounds_are_called_min_and_max() -> None:
    """MAX_LINES, not MOST_LINES."""
    broken = [name for name in names() if PREFIX.search(name.text)]

    assert not broken, _report(broken, "MOST_ FEWEST_ LONGEST_ LEAST_", "MAX_ or MIN_")


def test_no_file_is_called_after_a_wire() -> None:
    """A file says what it does."""
    broken = [name for name in names() if name.line == 0 and name.text in FILES]

    assert not broken, _report(broken, ", ".join(FILES), "; ".join(FILES.values()))


def test_every_exception_is_needed() -> None:
    """An exception nobody uses any more is deleted."""
    texts = {name.text for name in names()}

    assert [exception for exception in EXCEPTIONS if not any(re.search(exception, text) for text in texts)] == []
