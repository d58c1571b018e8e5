"""What each row of code does, whatever its form: the row without what its language leaves out."""

import ast
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

MAX_LINE = 500
"""Longer lines are generated; they are compared as they are."""
TAIL = 80
"""So much of what stands before a bracket shows what it is of."""
MAX_CHARS = 100_000
"""A side of a change that is longer is compared as it stands: who writes it chooses how long that takes."""
MAX_ANNOTATED = 200
"""Rows that are longer keep their annotations."""


@dataclass(frozen=True)
class Language:
    """
    What of a file's text does nothing; of a language that is not known, only blank rows.

    Left out are comments after `comment`, indentation where it is `free`, the space between words and marks where that
    is `free` too, a semicolon at the end of a row that `may_end` with one, and the kind of quotes that are `alike`.
    """

    comment: str = ""
    is_free: bool = False
    may_end: bool = False
    are_quotes_alike: bool = False
    is_python: bool = False


_PYTHON = Language("#", may_end=True, are_quotes_alike=True, is_python=True)
_SCRIPT = Language("//", is_free=True, may_end=True, are_quotes_alike=True)
_OPTIONAL_END = Language("//", is_free=True, may_end=True)
_BRACES = Language("//", is_free=True)
_HASH = Language("#")
_BY_SUFFIX = {
    **dict.fromkeys(("py", "pyi"), _PYTHON),
    **dict.fromkeys(["js", "jsx", "mjs", "cjs", "ts", "tsx", "mts", "cts"], _SCRIPT),
    **dict.fromkeys(["go", "kt", "kts", "scala", "groovy", "swift"], _OPTIONAL_END),
    **dict.fromkeys(["java", "rs", "c", "h", "cc", "cpp", "cxx", "hh", "hpp", "cs", "dart", "php"], _BRACES),
    **dict.fromkeys(["rb", "rake", "ex", "exs", "r", "jl"], _HASH),
}
_TOKEN = re.compile(
    r"(?P<long>\"\"\"|''')|(?P<string>(?P<quote>[\"'`])(?P<content>(?:\\.|(?!(?P=quote))[^\\])*)(?P=quote))"
    r"|(?P<template>`)|(?P<space>\s+)|(?P<word>\w+)|(?P<mark>.)",
    re.DOTALL,
)
_DIRECTIVE = re.compile(r"\S|\s+(?:[\w-]+\s*[:=]|[@+#!\[]|-\*-)")
"""Comments that tools read: `//go:build`, `# frozen_string_literal: true`, `# -*- coding`, `#!/bin/sh`."""
_GOES_ON = re.compile(r"\s*(?:\??\.\w|&&|\|\|)")
_UNFINISHED = re.compile(r"(?:&&|\|\||[A-Za-z_)\]]\.|(?<![=!<>])=|=>|->)$")
_HAZARD = re.compile(r"\s*[(\[`]")
"""Before a row that begins so, a semicolon ends what would go on without it."""
_ONE_MARK = re.compile(r"\+\+|--|\*\*|//|<<|>>|&&|\|\||[-+*/%|&^<>=!~:]=|->|=>|\?[?.]|\.\.|::|<>|<-|/\*|\*/|\w\w")
"""What two adjacent words would become if no space stood between them."""
_PLAIN = re.compile(r"[^\\$#@\"'`]*")
_REPORTS = re.compile(
    r"(?:(?<!\w)(?:raise|throw)\s+(?:new )?[\w.:]+|\w(?:Error|Exception)"
    r"|(?<!\w)(?:_?log|_?logger|LOG|logging|console|slog)\.(?:trace|debug|info|notice|warn(?:ing)?|error|fatal"
    r"|critical|exception)[fw]?)$"
)
"""What is called with a text for people."""
_HELD = re.compile(r"[#$]?\{[^{}]*\}|%(?:\(\w+\))?[-+ #0-9.*]*[a-zA-Z%]")
"""What a message holds of the code around it, by the marks of many languages."""
_WORD_BEFORE_GROUP = re.compile(
    r"(?<!\w)(?:and|as|assert|await|case|del|elif|else|for|from|if|in|is|lambda|not|or|print|raise|return|while|yield)$"
)
_OBJECT = "=(,[?"
"""Behind these marks a brace opens a value, not a block."""


@dataclass
class _Bracket:
    """An open bracket: what a comma before its end does depends on what it is of, and on how many there are."""

    opener: str
    is_call: bool = False
    is_value: bool = False
    reports: bool = False
    commas: int = 0


@dataclass
class _Scan:
    """How far a side of a change was read, row by row."""

    language: Language
    rows: list[list[str]] = field(default_factory=list)
    brackets: list[_Bracket] = field(default_factory=list)
    long: str = ""
    """The end of a text of several rows in which the next row stands."""
    goes_on: bool = False
    start: str = ""
    """What begins the row in which nothing stands yet."""
    is_spaced: bool = False

    written: str = ""
    """The end of what was read before."""

    def put(self, piece: str) -> None:
        """Add a piece to the last row, with the space before it where that does something."""
        before = self.written[-1:]
        if not self.rows[-1] and self.start:
            self._add(self.start)
        elif self.is_spaced and before and before != "\n":
            is_kept = not (self.language.is_free or self.language.is_python)
            if is_kept or _ONE_MARK.fullmatch(before + piece[:1]):
                self._add(" ")
        self._add(piece)
        self.is_spaced = False

    def drop(self) -> None:
        """Take back the last piece, which is one character."""
        row = next((row for row in reversed(self.rows) if row), None)
        if row is not None:
            row.pop()
            self.written = self.written[:-1]

    def _add(self, piece: str) -> None:
        self.rows[-1].append(piece)
        self.written = (self.written + piece)[-TAIL:]


def language_of(path: str) -> Language:
    """Return what is known of a file's language."""
    return _BY_SUFFIX.get(path.rpartition(".")[2].lower(), Language())


def senses(rows: Sequence[str], language: Language) -> list[str]:
    """
    Return what each of the consecutive rows does; an empty text for one that does nothing.

    A row that begins a statement begins with a line end, and with its indentation where that counts.
    """
    if sum(map(len, rows)) > MAX_CHARS:
        return [f"\n{row}" if row.strip() else "" for row in rows]
    scan = _Scan(language)
    for index, row in enumerate(rows):
        scan.rows.append([])
        if len(row) > MAX_LINE:
            scan.rows[-1].append(f"\n{row}")
            continue
        _start_row(scan, row)
        _read(scan, row)
        _finish_row(scan, rows[index + 1] if index + 1 < len(rows) else "")
    return ["".join(pieces) for pieces in scan.rows]


def _start_row(scan: _Scan, row: str) -> None:
    bracket = scan.brackets[-1] if scan.brackets else None
    is_inside = bracket is not None and (scan.language.is_python or bracket.opener in "([" or bracket.is_value)
    if is_inside or scan.goes_on or (_GOES_ON.match(row) and scan.language != Language()):
        scan.start, scan.is_spaced = "", True
        return
    indent = "" if scan.language.is_free else row[: len(row) - len(row.lstrip())]
    scan.start, scan.is_spaced = f"\n{indent}", False


def _read(scan: _Scan, row: str) -> None:
    position = _long_end(scan, row, 0) if scan.long else 0
    while position < len(row):
        if _is_comment(scan.language, row, position):
            if _DIRECTIVE.match(row, position + len(scan.language.comment)):
                scan.put(row[position:].rstrip())
            return
        match = _TOKEN.match(row, position)
        assert match, "any character is a token"
        position = match.end()
        if match["long"] and _is_docstring(scan, row):
            return
        _take(scan, match)
        if scan.long:
            position = _long_end(scan, row, position)


def _is_comment(language: Language, row: str, position: int) -> bool:
    is_first = position == 0 or row[position - 1].isspace()
    return bool(language.comment) and is_first and row.startswith(language.comment, position)


def _is_docstring(scan: _Scan, row: str) -> bool:
    """Return whether a row is a text alone where a statement begins: it does nothing."""
    text = row.strip()
    is_whole = len(text) >= 6 and text.endswith(text[:3]) and text[3:-3].count(text[:3]) == 0
    return scan.language.is_python and bool(scan.start) and not scan.rows[-1] and is_whole


def _long_end(scan: _Scan, row: str, position: int) -> int:
    """Read the rest of a text of several rows as it stands; return where it ends in the row."""
    end = row.find(scan.long, position)
    stop = len(row) if end < 0 else end + len(scan.long)
    if row[position:stop]:
        scan.put(row[position:stop])
    if end >= 0:
        scan.long = ""
    return stop


def _take(scan: _Scan, match: re.Match[str]) -> None:
    kind, piece = match.lastgroup, match[0]
    if kind == "space":
        scan.is_spaced = True
    elif kind == "string":
        if scan.language.is_python and not scan.is_spaced and scan.rows[-1][-1:] in (["u"], ["U"]):
            scan.drop()  # it says nothing since Python 3
        scan.put(_string(scan, match))
    else:
        if kind in ("long", "template"):
            scan.long = piece
        _bracket(scan, piece)


def _string(scan: _Scan, match: re.Match[str]) -> str:
    """Return a text as it stands; of a message for people only what it holds of the code."""
    quote, content = match["quote"], match["content"]
    if scan.language.are_quotes_alike and quote == "'" and _PLAIN.fullmatch(content):
        quote = '"'
    is_message = bool(scan.brackets) and scan.brackets[-1].reports and re.search(r"\s", content) is not None
    if is_message and not re.search(r"[{}]", _HELD.sub("", content)):
        content = "".join(_HELD.findall(content))
    return f"{quote}{content}{quote}"


def _bracket(scan: _Scan, mark: str) -> None:
    if mark in ")]}":
        opened = scan.brackets.pop() if scan.brackets else None
        if opened is not None and _says_nothing(opened, scan.written):
            scan.drop()
    elif mark == "," and scan.brackets:
        scan.brackets[-1].commas += 1
    before = scan.written
    scan.put(mark)
    if mark in "([{":
        last = before[-1:]
        is_named = last.isalnum() or last in ("_", "!")
        is_call = last in (")", "]", '"', "'") or (is_named and not _WORD_BEFORE_GROUP.search(before))
        reports = mark == "(" and is_named and _REPORTS.search(before) is not None
        is_value = mark == "{" and last in _OBJECT and not before.endswith("=>")
        scan.brackets.append(_Bracket(mark, is_call, is_value, reports))


def _says_nothing(bracket: _Bracket, before: str) -> bool:
    """Return whether a comma before a bracket's end does nothing: one alone makes a tuple, two in a row a hole."""
    if not before.endswith(",") or before.endswith(",,"):
        return False
    if bracket.opener == "(":
        return bracket.is_call or bracket.commas > 1
    return bracket.opener == "{" or not bracket.is_call or bracket.commas > 1


def _finish_row(scan: _Scan, following: str) -> None:
    row = scan.rows[-1]
    scan.goes_on = False
    if scan.long or not row:
        return
    if row[-1] == "\\":
        scan.drop()
        scan.goes_on = True
    elif row[-1] == ";" and scan.language.may_end and not _HAZARD.match(following):
        scan.drop()
    else:
        scan.goes_on = scan.language != Language() and _UNFINISHED.search(scan.written) is not None


def unannotated(rows: Sequence[str], language: Language) -> list[str]:
    """
    Return the rows without annotations that do nothing: of functions without decorators, and of variables of functions.

    Decorators and classes read them: a field, a route's parameter, what is converted.
    """
    if not language.is_python or sum(map(len, rows)) > MAX_CHARS:
        return list(rows)
    return [_plain(rows, index) for index in range(len(rows))]


def _plain(rows: Sequence[str], index: int) -> str:
    row = rows[index]
    text = row.strip()
    is_head = re.match(r"(?:async )?def\b", text) is not None
    if len(row) > MAX_ANNOTATED or not (is_head or re.match(r"[\w.]+ ?:.*=", text)):
        return row
    if is_head and index and rows[index - 1].lstrip().startswith(("@", ")")):
        return row
    if not is_head and (_owner(rows, index) or "").startswith("class "):
        return row
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(f"{text} pass" if is_head else text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return row
    return row[: len(row) - len(row.lstrip())] + (_without_annotations(body[0]) or text) if len(body) == 1 else row


def _owner(rows: Sequence[str], index: int) -> str | None:
    """Return the row above that is less indented, as far as the rows go; it begins the block of this one."""
    indent = len(rows[index]) - len(rows[index].lstrip())
    above = (row for row in reversed(rows[:index]) if row.strip())
    return next((row.strip() for row in above if len(row) - len(row.lstrip()) < indent), None)


def _without_annotations(node: ast.stmt) -> str | None:
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return f"{ast.unparse(node.target)} = {ast.unparse(node.value)}"
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return None
    node.returns = None
    for argument in _arguments(node.args):
        argument.annotation = None
    return ast.unparse(node).removesuffix("\n    pass")


def _arguments(all_of: ast.arguments) -> Iterator[ast.arg]:
    yield from (*all_of.posonlyargs, *all_of.args, *all_of.kwonlyargs)
    yield from (one for one in (all_of.vararg, all_of.kwarg) if one is not None)
