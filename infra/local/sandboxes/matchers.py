"""What LogQL and PromQL share: tokens, Go's string literals, label matchers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Labels = Mapping[str, str]

_TOKENS = re.compile(
    r"""
    (?P<space>\s+|\#[^\n]*)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
  | (?P<duration>\d+(?:ms|[smhdwy])(?:\d+(?:ms|[smhdwy]))*)
  | (?P<number>\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)
  | (?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
  | (?P<mark>\|=|\|~|!=|!~|=~|==|=|[|{}()\[\],/*+-])
  | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"'}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
_KINDS = {"name": "IDENTIFIER", "string": "STRING", "number": "NUMBER", "duration": "DURATION"}
_UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}


class SyntaxFault(ValueError):
    """The query cannot be read; `column` counts from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class QueryToken:
    """One token of a query; `kind` is string, duration, number, name, mark or end."""

    kind: str
    text: str
    column: int


class Tokens:
    """The tokens of a query, read one after the other."""

    def __init__(self, query: str) -> None:
        tokens = [
            QueryToken(str(m.lastgroup), m[0], m.start() + 1) for m in _TOKENS.finditer(query) if m.lastgroup != "space"
        ]
        self._tokens = [*tokens, QueryToken("end", "$end", len(query) + 1)]
        self._next = 0

    @property
    def peek(self) -> QueryToken:
        """The next token, which stays next."""
        return self._tokens[self._next]

    def take(self) -> QueryToken:
        """Return the next token and go on; the end token repeats."""
        token = self.peek
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def accept(self, *texts: str) -> QueryToken | None:
        """Take the next token when it is one of these marks or names."""
        return self.take() if self.peek.kind in ("mark", "name") and self.peek.text in texts else None

    def expect(self, text: str) -> QueryToken:
        """Take the next token; raises SyntaxFault when it is another."""
        return self.accept(text) or self.fail(f"expecting {text}")

    def expect_kind(self, kind: str) -> QueryToken:
        """Take the next token; raises SyntaxFault when it is of another kind."""
        return self.take() if self.peek.kind == kind else self.fail(f"expecting {_KINDS[kind]}")

    def fail(self, wanted: str = "") -> QueryToken:
        """Raise SyntaxFault about the next token."""
        unexpected = f"unexpected {_KINDS.get(self.peek.kind, self.peek.text)}"
        raise SyntaxFault(f"{unexpected}, {wanted}" if wanted else unexpected, self.peek.column)


@dataclass(frozen=True)
class Matcher:
    """One label matcher; a missing label counts as empty."""

    name: str
    operator: str
    value: str

    def matches(self, labels: Labels) -> bool:
        """Return whether the labels satisfy it; regular expressions match the whole value."""
        value = labels.get(self.name, "")
        is_equal = value == self.value if self.operator in ("=", "!=") else bool(_anchored(self.value).fullmatch(value))
        return is_equal != self.operator.startswith("!")


def _anchored(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)


def read_matcher(tokens: Tokens) -> Matcher:
    """Read `name op "value"`; raises SyntaxFault."""
    name = tokens.expect_kind("name").text
    operator = tokens.accept("=", "!=", "=~", "!~") or tokens.fail("expecting = or =~ or !~ or !=")
    literal = tokens.expect_kind("string")
    value = unquoted(literal)
    if operator.text.endswith("~"):
        compiled(value, literal.column)
    return Matcher(name, operator.text, value)


def read_matchers(tokens: Tokens) -> tuple[Matcher, ...]:
    """Read `{…}`; a comma may end it. Raises SyntaxFault."""
    tokens.expect("{")
    matchers = []
    while not tokens.accept("}"):
        matchers.append(read_matcher(tokens))
        if not tokens.accept(","):
            tokens.expect("}")
            break
    return tuple(matchers)


def compiled(pattern: str, column: int) -> re.Pattern[str]:
    """Return the pattern compiled; raises SyntaxFault. Python's syntax is used for RE2's, most of which it supports."""
    try:
        return re.compile(pattern)
    except re.error as error:
        raise SyntaxFault(f"error parsing regexp: {error}", column) from None


def unquoted(literal: QueryToken) -> str:
    """Return the text of a string literal as Go reads it; raises SyntaxFault on an escape Go does not know."""
    inner = literal.text[1:-1]
    if literal.text.startswith("`"):
        return inner

    def replaced(match: re.Match[str]) -> str:
        in_hex, in_octal, single = match[1] or match[2] or match[3], match[4], match[5]
        if single and single not in _ESCAPES:
            raise SyntaxFault("invalid syntax", literal.column)
        return _ESCAPES[single] if single else chr(int(in_hex, 16) if in_hex else int(in_octal, 8))

    return _ESCAPE.sub(replaced, inner)


def seconds(duration: str) -> float:
    """Return the seconds of a duration such as 5m or 1h30m; raises ValueError when it is not one."""
    if not re.fullmatch(r"(?:\d+(?:ms|[smhdwy]))+", duration):
        raise ValueError(f"not a duration: {duration!r}")
    return sum(int(number) * _UNITS_S[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdwy])", duration))
