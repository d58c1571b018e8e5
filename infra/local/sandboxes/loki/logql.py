"""A subset of LogQL: it finds lines, and counts them by time.

    metric  = "sum" "(" "count_over_time" "(" query "[" duration "]" ")" ")"
    query   = "{" matcher ("," matcher)* "}" stage*
    stage   = ("|=" | "!=" | "|~" | "!~") string ("or" string)*
            | "|" filter
    filter  = filter ("or" | "and" | ",") filter | "(" filter ")" | name ("=" | "==" | "!=" | "=~" | "!~") string

Stages are ANDed in the order they are written. Everything else is a parse error, in Loki's wording.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from infra.local.sandboxes.matchers import (
    Labels,
    Matcher,
    SyntaxFault,
    Tokens,
    compiled,
    read_matchers,
    seconds,
    unquoted,
)

Stage = Callable[[str, Labels], bool]
"""Returns whether a line passes, from its text and labels, structured metadata included."""

_LINE_FILTERS = ("|=", "!=", "|~", "!~")
_EMPTY_COMPATIBLE = (
    "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
    'For instance, app=~".*" does not meet this requirement, but app=~".+" will'
)


class QueryFault(ValueError):
    """The plain text that Loki answers to an invalid query."""


@dataclass(frozen=True)
class LogQL:
    """A parsed query; `range_s` is the range of a metric query in seconds, None for a query of lines."""

    matchers: tuple[Matcher, ...]
    stages: tuple[Stage, ...]
    range_s: float | None = None

    def selects(self, stream: Labels) -> bool:
        """Return whether the stream is searched at all."""
        return all(matcher.matches(stream) for matcher in self.matchers)

    def keeps(self, line: str, labels: Labels) -> bool:
        """Return whether a line passes every stage."""
        return all(stage(line, labels) for stage in self.stages)


def parse(query: str) -> LogQL:
    """Parse a query; raises QueryFault."""
    tokens = Tokens(query)
    range_s = None
    try:
        counts = tokens.accept("sum")
        for expected in ("(", "count_over_time", "(") if counts else ():
            tokens.expect(expected)
        matchers = read_matchers(tokens)
        stages = []
        while tokens.peek.kind != "end" and tokens.peek.text != "[":
            stages.append(_stage(tokens))
        if counts:
            tokens.expect("[")
            range_s = seconds(tokens.expect_kind("duration").text)
            for expected in ("]", ")", ")"):
                tokens.expect(expected)
        tokens.expect_kind("end")
    except SyntaxFault as fault:
        raise QueryFault(f"parse error at line 1, col {fault.column}: syntax error: {fault}") from None
    if not any(_needs_a_value(matcher) for matcher in matchers):
        raise QueryFault(f"parse error : {_EMPTY_COMPATIBLE}")
    return LogQL(matchers, tuple(stages), range_s)


def _needs_a_value(matcher: Matcher) -> bool:
    return matcher.operator in ("=", "=~") and not matcher.matches({})


def _stage(tokens: Tokens) -> Stage:
    operator = tokens.accept(*_LINE_FILTERS)
    if operator:
        return _line_filter(operator.text, tokens)
    tokens.expect("|")
    return _either(tokens)


def _line_filter(operator: str, tokens: Tokens) -> Stage:
    """Several strings joined by `or` are alternatives; negated, none of them may occur."""
    patterns = []
    while True:
        literal = tokens.expect_kind("string")
        text = unquoted(literal)
        patterns.append(compiled(text if operator.endswith("~") else re.escape(text), literal.column))
        if not tokens.accept("or"):
            break
    is_wanted = operator.startswith("|")
    return lambda line, _: any(pattern.search(line) for pattern in patterns) == is_wanted


def _either(tokens: Tokens) -> Stage:
    stages = [_both(tokens)]
    while tokens.accept("or"):
        stages.append(_both(tokens))
    return lambda line, labels: any(stage(line, labels) for stage in stages)


def _both(tokens: Tokens) -> Stage:
    stages = [_label_filter(tokens)]
    while tokens.accept("and", ","):
        stages.append(_label_filter(tokens))
    return lambda line, labels: all(stage(line, labels) for stage in stages)


def _label_filter(tokens: Tokens) -> Stage:
    if tokens.accept("("):
        inner = _either(tokens)
        tokens.expect(")")
        return inner
    name = tokens.expect_kind("name").text
    operator = (tokens.accept("=", "==", "!=", "=~", "!~") or tokens.fail("expecting = or == or != or =~ or !~")).text
    literal = tokens.expect_kind("string")
    value = unquoted(literal)
    if operator.endswith("~"):
        compiled(value, literal.column)
    matcher = Matcher(name, operator.replace("==", "="), value)
    return lambda _, labels: matcher.matches(labels)
