"""Reads source text: the function around a line, and where the line of a stack trace is now."""

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

MAX_SPAN_LINES = 400
"""Longer "functions" count as a wrong guess; a window around the line replaces them."""
_WINDOW_LINES = 12
_MAX_HEAD = 300
"""Longer lines are generated or minified; matching them would take quadratic time."""

_BRACE_HEAD = re.compile(
    r"^\s*(?:export\s+|default\s+|async\s+|public\s+|private\s+|protected\s+|internal\s+|static\s+|final\s+|override\s+|"
    r"abstract\s+|suspend\s+|virtual\s+|synchronized\s+)*"
    r"(?:func\s+(?:\([^)]*\)\s*)?(?P<go>\w+)|function\s*\*?\s*(?P<js>\w+)|fun\s+(?:[\w.<>]+\.)?(?P<kt>\w+)"
    r"|(?:const|let|var)\s+(?P<arrow>\w+)\s*=.*(?:=>|function)|(?:[\w<>\[\],.?@\s]+\s)?(?P<method>\w+)\s*\([^;]*)"
)
_RECEIVER = re.compile(r"\(\*?[\w.]+\)\.")
"""Go's `(*Store).` in front of a method."""
_RUBY_HEAD = re.compile(r"^\s*def\s+(?:self\.)?(?P<name>[\w?!=]+)")
_PYTHON_HEAD = re.compile(r"^\s*(?:async\s+)?def\s+(?P<name>\w+)")
_NOT_HEADS = frozenset(
    re.findall(
        r"\w+",
        "assert await case catch do else for foreach if lock match new return super switch synchronized throw try "
        "unless using when while with yield",
    )
)


@dataclass(frozen=True)
class Span:
    """Lines `start` to `end` (one-based, inclusive) and the name of their function, empty when unknown."""

    name: str
    start: int
    end: int


def enclosing(path: str, text: str, line: int) -> Span:
    """Return the innermost function around `line` (one-based); a window of lines when no function is recognised."""
    lines = text.split("\n")
    line = min(max(line, 1), len(lines))
    span = _python_span(text, line) if path.endswith((".py", ".pyi")) else None
    span = span or _guessed_span(path, lines, line)
    if span is None or span.end - span.start > MAX_SPAN_LINES:
        name = span.name if span else ""
        return Span(name, max(line - _WINDOW_LINES, 1), min(line + _WINDOW_LINES, len(lines)))
    return span


def definition_line(text: str, function: str) -> int | None:
    """Return the line that defines the function a frame names, when exactly one does."""
    plain = _RECEIVER.sub("", function).split("(")[0].rstrip(".<>")
    name = re.split(r"[.:#$/\s]", plain)[-1]
    if not re.fullmatch(r"\w+[?!]?", name):
        return None
    numbers = [number for number, line in enumerate(text.split("\n"), 1) if head_name(line) == name]
    return numbers[0] if len(numbers) == 1 else None


def settle(text: str, line: int | None, code: str, function: str) -> int | None:
    """
    Return the number of the frame's line in `text`, or None when it cannot be determined.

    The source line in the trace takes precedence over its number: the text may not be of the deployed commit.
    """
    lines = text.split("\n")
    expected = code.strip()
    same = [number for number, content in enumerate(lines, 1) if expected and content.strip() == expected]
    if same:
        return min(same, key=lambda number: abs(number - (line or number)))
    if line is not None and 1 <= line <= len(lines) and not expected:
        return line
    return definition_line(text, function) or (line if line is not None and 1 <= line <= len(lines) else None)


def _python_span(text: str, line: int) -> Span | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
    best: Span | None = None
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        end = node.end_lineno or start
        if start <= line <= end and (best is None or start >= best.start):
            best = Span(node.name, start, end)
    return best


def _guessed_span(path: str, lines: Sequence[str], line: int) -> Span | None:
    for start in range(line, max(line - MAX_SPAN_LINES, 0), -1):
        name = head_name(lines[start - 1])
        if name is None:
            continue
        indented = path.endswith((".py", ".rb"))
        end = _indented_end(lines, start) if indented else _braced_end(lines, start)
        if end is not None and start <= line <= end:
            return Span(name, start, end)
    return None


def head_name(line: str) -> str | None:
    """Return the name of the function that the line declares."""
    if len(line) > _MAX_HEAD or line.rstrip().endswith(";") or not _NOT_HEADS.isdisjoint(line.split("(")[0].split()):
        return None
    for pattern in (_PYTHON_HEAD, _RUBY_HEAD, _BRACE_HEAD):
        match = pattern.match(line)
        if match and not (match.groupdict().get("method") and _is_call(line)):
            return next((name for name in match.groupdict().values() if name), None)
    return None


def _is_call(line: str) -> bool:
    """Return whether the line is a call: a method's head opens a body or names its result, and takes no function."""
    return "=>" in line or (len(line.split("(")[0].split()) < 2 and not line.rstrip().endswith("{"))


def _indented_end(lines: Sequence[str], start: int) -> int:
    indent = _indent(lines[start - 1])
    end = start
    for number in range(start + 1, len(lines) + 1):
        content = lines[number - 1]
        if content.strip() and _indent(content) <= indent and not content.strip().startswith(("end", ")", "]")):
            break
        if content.strip():
            end = number
        if content.strip() == "end" and _indent(content) == indent:
            break
    return end


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _braced_end(lines: Sequence[str], start: int) -> int | None:
    """Return the line that closes the first brace opened from `start` on, within the next lines of a signature."""
    depth, opened = 0, False
    for number in range(start, min(start + MAX_SPAN_LINES, len(lines)) + 1):
        content = re.sub(r"//.*|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'", "", lines[number - 1])
        for char in content:
            if char == "{":
                depth, opened = depth + 1, True
            elif char == "}":
                depth -= 1
            if opened and depth <= 0:
                return number
        if not opened and (number - start > 6 or content.rstrip().endswith(";")):
            return None
    return None
