"""Split the text of an expression into tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class ExpressionRejected(ValueError):
    """The text is not a valid expression; the message names the problem and its position."""


class Kind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    STRING = "string"
    NAME = "name"
    OPERATOR = "operator"
    END = "end of the expression"


@dataclass(frozen=True)
class ExpressionToken:
    """One token of an expression; `text` is as written, except that string escapes are resolved."""

    kind: Kind
    text: str
    position: int

    def __str__(self) -> str:
        return f"{self.kind} {self.text!r}" if self.text else str(self.kind)


_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>//|==|!=|<=|>=|[-+*/%<>()\[\].,])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\", "/": "/"}


def tokenize(text: str) -> list[ExpressionToken]:
    """
    Return the tokens of the expression; the last one has kind END.

    Raises ExpressionRejected at a character that starts no token.
    """
    tokens: list[ExpressionToken] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise ExpressionRejected(f"unexpected {text[position]!r} at character {position + 1} of {text!r}")
        if match.lastgroup != "space":
            tokens.append(_token(Kind(match.lastgroup), match.group(), position))
        position = match.end()
    return [*tokens, ExpressionToken(Kind.END, "", len(text))]


def _token(kind: Kind, text: str, position: int) -> ExpressionToken:
    if kind is Kind.STRING:
        text = _ESCAPE.sub(_unescape, text[1:-1])
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return ExpressionToken(kind, text, position)


def _unescape(match: re.Match[str]) -> str:
    escape = match.group(1)
    if len(escape) == 5:
        return chr(int(escape[1:], 16))
    # A backslash before any other character is kept, so that the "\d" of a regular expression works as written.
    return _ESCAPED.get(escape, match.group())
