"""Read a file of variables as shells and Docker do: comments, `export`, quoted values, values of several lines."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from infra.doctor.check import Check, unknown, wrong

_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)
_COMMENT = re.compile(r"\s#.*|^#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}
# As word processors and chats write them.
_TYPOGRAPHIC = "\u201c\u201d\u201e\u2018\u2019\u201a\u00ab\u00bb"


@dataclass
class EnvFile:
    """The variables of a file, empty ones left out, and what cannot be read or misleads."""

    values: dict[str, str] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """Where each variable stands, set or empty."""


def load(path: Path) -> EnvFile:
    """Return what a file holds; nothing when there is no file. A byte order mark is passed over."""
    try:
        return parse(path.read_text(encoding="utf-8-sig")) if path.exists() else EnvFile()
    except UnicodeDecodeError:
        return EnvFile(checks=[wrong(f"{path.name} is not written in UTF-8", f"save {path.name} as UTF-8")])


def parse(text: str) -> EnvFile:
    """Return the variables of a text; what is wrong is named by its line, never by its content."""
    result, lines, number = EnvFile(), text.splitlines(), 0
    while number < len(lines):
        number += 1
        line = lines[number - 1].strip()
        if not line or line.startswith("#"):
            continue
        match = _ASSIGNMENT.fullmatch(line)
        if match is None:
            result.checks.append(
                wrong(
                    f"line {number} of .env is no NAME=value", f"write NAME=value in line {number}, or begin it with #"
                )
            )
            continue
        name, rest = match[1], match[2]
        further = _further_lines(rest, lines[number:])
        _take(result, name, number, "\n".join([rest, *further]))
        number += len(further)
    return result


def _further_lines(rest: str, lines: list[str]) -> list[str]:
    """Return the lines that a quoted value goes on in, none when it ends in its own or nowhere."""
    if not rest.startswith(('"', "'")) or _end_of_quotes(rest) > 0:
        return []
    for count in range(1, len(lines) + 1):
        if _end_of_quotes("\n".join([rest, *lines[:count]])) > 0:
            return lines[:count]
    return []


def _end_of_quotes(text: str) -> int:
    """Return where the quotes that a text begins with are closed, 0 when they are not."""
    quote, at = text[0], 1
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 1
        elif text[at] == quote:
            return at
        at += 1
    return 0


def _take(result: EnvFile, name: str, number: int, rest: str) -> None:
    if name in result.lines:
        fix = f"keep one line of {name}"
        result.checks.append(wrong(f"{name} stands twice, in lines {result.lines[name]} and {number}", fix))
    result.lines[name] = number
    result.values.pop(name, None)
    value = _value(result, name, rest)
    if value.strip():
        result.values[name] = value.strip()


def _value(result: EnvFile, name: str, rest: str) -> str:
    if rest[:1] and rest[0] in _TYPOGRAPHIC:
        result.checks.append(wrong(f"the value of {name} begins with a typographic quote", f'write {name}="…"'))
        return ""
    if rest.startswith(('"', "'")):
        return _quoted(result, name, rest)
    value = _COMMENT.sub("", rest)
    if value != rest:
        fix = f'write {name}="…" if it belongs to the value'
        result.checks.append(unknown(f"what follows ` #` in the line of {name} is taken as a comment", fix))
    return value


def _quoted(result: EnvFile, name: str, rest: str) -> str:
    end = _end_of_quotes(rest)
    if not end:
        result.checks.append(wrong(f"the quotes of {name} are never closed", f"close them, or write {name} without"))
        return ""
    after = rest[end + 1 :].strip()
    if after and not after.startswith("#"):
        result.checks.append(
            wrong(f"something follows the closing quote of {name}", f"put the whole value of {name} in single quotes")
        )
        return ""
    inside = rest[1:end]
    if rest[0] == "'":
        return inside
    return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[0]), inside, flags=re.DOTALL)
