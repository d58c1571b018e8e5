"""A subset of PromQL: what the queries for a service's key metrics need, computed as Prometheus does.

    expr    = term ("or" term)*
    term    = factor (("/" | "*") factor)*
    factor  = number | "(" expr ")" | name ["{" matchers "}"] | "{" matchers "}"
            | ("rate" | "increase") "(" selector "[" duration "]" ")"
            | ("sum" | "min" | "max" | "avg" | "count") ["by" "(" labels ")"] "(" expr ")" ["by" "(" labels ")"]
            | "histogram_quantile" "(" number "," expr ")"

Series are matched one to one by all their labels. There are no comparisons, offsets, subqueries or modifiers;
everything that is not in the grammar is a parse error.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from infra.local.sandboxes.matchers import Labels, Matcher, SyntaxFault, Tokens, read_matchers, seconds

LOOKBACK_S = 300
Sample = tuple[float, float]
Vector = dict[frozenset[tuple[str, str]], float]
Value = float | Vector

_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "min": min,
    "max": max,
    "avg": lambda values: math.fsum(values) / len(values),
    "count": lambda values: float(len(values)),
}


@dataclass
class Stored:
    """One series with its samples, oldest first."""

    labels: dict[str, str]
    samples: list[Sample] = field(default_factory=list)

    def within(self, start: float, end: float) -> Sequence[Sample]:
        """Return the samples after `start` and up to `end`: since Prometheus 3 a range is open on the left."""
        first = bisect_right(self.samples, start, key=lambda sample: sample[0])
        return self.samples[first : bisect_right(self.samples, end, key=lambda sample: sample[0])]


Store = Iterable[Stored]
Expression = Callable[[Store, float], Value]
"""Computes a value from the stored series at one time, in seconds since 1970."""


def parse(query: str) -> Expression:
    """Parse a query; raises SyntaxFault."""
    tokens = Tokens(query)
    expression = _expression(tokens)
    if tokens.peek.kind != "end":
        tokens.fail()
    return expression


def parse_selector(text: str) -> tuple[Matcher, ...]:
    """Parse a series selector, as the parameter `match[]` holds; raises SyntaxFault."""
    tokens = Tokens(text)
    matchers = _selector(tokens)
    if tokens.peek.kind != "end":
        tokens.fail()
    return matchers


def _expression(tokens: Tokens) -> Expression:
    left = _term(tokens)
    while tokens.accept("or"):
        left = _union(left, _term(tokens))
    return left


def _union(left: Expression, right: Expression) -> Expression:
    """Combine the series of the left side and those of the right whose labels the left does not have."""
    return lambda store, at: {**_vector(right(store, at)), **_vector(left(store, at))}


def _term(tokens: Tokens) -> Expression:
    left = _factor(tokens)
    while operator := tokens.accept("/", "*"):
        left = _arithmetic(operator.text, left, _factor(tokens))
    return left


def _arithmetic(operator: str, left: Expression, right: Expression) -> Expression:
    compute = _divide if operator == "/" else float.__mul__

    def evaluate(store: Store, at: float) -> Value:
        one, other = left(store, at), right(store, at)
        if isinstance(one, float) and isinstance(other, float):
            return compute(one, other)
        if isinstance(other, float):
            return {labels: compute(value, other) for labels, value in _nameless(_vector(one)).items()}
        if isinstance(one, float):
            return {labels: compute(one, value) for labels, value in _nameless(other).items()}
        divisors = _nameless(other)
        return {labels: compute(v, divisors[labels]) for labels, v in _nameless(one).items() if labels in divisors}

    return evaluate


def _divide(one: float, other: float) -> float:
    """Divide by the rules of IEEE 754, where Python would raise."""
    if other:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one)


def _factor(tokens: Tokens) -> Expression:
    if tokens.peek.kind == "number":
        number = float(tokens.take().text)
        return lambda _, __: number
    if tokens.peek.text in _AGGREGATES:
        return _aggregate(tokens)
    if tokens.accept("("):
        return _closed(tokens, _expression(tokens))
    if tokens.accept("histogram_quantile"):
        return _histogram_quantile(tokens)
    if function := tokens.accept("rate", "increase"):
        return _growth(tokens, is_rate=function.text == "rate")
    matchers = _selector(tokens)
    return lambda store, at: _latest(store, matchers, at)


def _closed(tokens: Tokens, inner: Expression) -> Expression:
    if tokens.peek.kind == "end":
        raise SyntaxFault("unclosed left parenthesis", tokens.peek.column)
    tokens.expect(")")
    return inner


def _selector(tokens: Tokens) -> tuple[Matcher, ...]:
    name = tokens.take() if tokens.peek.kind == "name" else None
    if name and tokens.peek.text == "(":
        raise SyntaxFault(f'unknown function with name "{name.text}"', name.column)
    if name is None and tokens.peek.text != "{":
        tokens.fail()
    matchers = read_matchers(tokens) if tokens.peek.text == "{" else ()
    named = (Matcher("__name__", "=", name.text),) if name else ()
    if not any(not matcher.matches({}) for matcher in (*named, *matchers)):
        raise SyntaxFault("vector selector must contain at least one non-empty matcher", 1)
    return (*named, *matchers)


def _latest(store: Store, matchers: tuple[Matcher, ...], at: float) -> Vector:
    windows = ((series.labels, series.within(at - LOOKBACK_S, at)) for series in _selected(store, matchers))
    return {frozenset(labels.items()): samples[-1][1] for labels, samples in windows if samples}


def _selected(store: Store, matchers: tuple[Matcher, ...]) -> list[Stored]:
    return [series for series in store if all(matcher.matches(series.labels) for matcher in matchers)]


def _growth(tokens: Tokens, is_rate: bool) -> Expression:
    tokens.expect("(")
    matchers = _selector(tokens)
    tokens.expect("[")
    range_s = seconds(tokens.expect_kind("duration").text)
    tokens.expect("]")

    def evaluate(store: Store, at: float) -> Vector:
        grown = ((s.labels, increase(s.within(at - range_s, at), at - range_s, at)) for s in _selected(store, matchers))
        scale = range_s if is_rate else 1.0
        return {_key(labels): value / scale for labels, value in grown if value is not None}

    return _closed(tokens, evaluate)


def increase(samples: Sequence[Sample], start: float, end: float) -> float | None:
    """
    Return the increase of a counter in the range, extrapolated to its borders; None with fewer than two samples.

    Source: extrapolatedRate in prometheus/promql/functions.go.
    """
    if len(samples) < 2:
        return None
    pairs = list(pairwise(samples))
    # A counter that decreases was reset to zero.
    grown = math.fsum(new - old if new >= old else new for (_, old), (_, new) in pairs)
    sampled_s = samples[-1][0] - samples[0][0]
    typical_s = sampled_s / len(pairs)
    before_s, after_s = samples[0][0] - start, end - samples[-1][0]
    # A longer gap than usual means that the series started or ended there: half an interval is assumed.
    before_s = before_s if before_s < typical_s * 1.1 else typical_s / 2
    after_s = after_s if after_s < typical_s * 1.1 else typical_s / 2
    if grown > 0 and samples[0][1] >= 0:
        # The extrapolation must not go below zero.
        before_s = min(before_s, sampled_s * samples[0][1] / grown)
    return grown * (sampled_s + before_s + after_s) / sampled_s


def _aggregate(tokens: Tokens) -> Expression:
    compute = _AGGREGATES[tokens.take().text]
    names = _by(tokens)
    tokens.expect("(")
    inner = _closed(tokens, _expression(tokens))
    names = names or _by(tokens)

    def evaluate(store: Store, at: float) -> Vector:
        groups: dict[frozenset[tuple[str, str]], list[float]] = {}
        for labels, value in _vector(inner(store, at)).items():
            groups.setdefault(frozenset(pair for pair in labels if pair[0] in names), []).append(value)
        return {labels: compute(values) for labels, values in groups.items()}

    return evaluate


def _by(tokens: Tokens) -> list[str]:
    if not tokens.accept("by"):
        return []
    tokens.expect("(")
    names = [tokens.expect_kind("name").text]
    while tokens.accept(","):
        names.append(tokens.expect_kind("name").text)
    tokens.expect(")")
    return names


def _histogram_quantile(tokens: Tokens) -> Expression:
    tokens.expect("(")
    quantile = float(tokens.expect_kind("number").text)
    tokens.expect(",")
    inner = _closed(tokens, _expression(tokens))

    def evaluate(store: Store, at: float) -> Vector:
        groups: dict[frozenset[tuple[str, str]], list[Sample]] = {}
        for labels, count in _vector(inner(store, at)).items():
            if "le" in (others := dict(labels)):
                bound = float(others.pop("le"))
                groups.setdefault(_key(others), []).append((bound, count))
        return {labels: bucket_quantile(quantile, buckets) for labels, buckets in groups.items()}

    return evaluate


def bucket_quantile(quantile: float, buckets: list[Sample]) -> float:
    """
    Return the quantile of cumulative (upper bound, count) buckets, linear within a bucket; NaN when undefined.

    Source: bucketQuantile in prometheus/promql/quantile.go.
    """
    bounds, counts = zip(*sorted(buckets), strict=True)
    if not math.isinf(bounds[-1]) or len(bounds) < 2 or counts[-1] == 0:
        return math.nan
    rank = quantile * counts[-1]
    place = bisect_left(counts, rank, hi=len(counts) - 1)
    if place == len(bounds) - 1:
        return float(bounds[-2])
    if place == 0 and bounds[0] <= 0:
        return float(bounds[0])
    lower, below = (bounds[place - 1], counts[place - 1]) if place else (0.0, 0.0)
    return float(lower + (bounds[place] - lower) * _divide(rank - below, counts[place] - below))


def _vector(value: Value) -> Vector:
    return {frozenset(): value} if isinstance(value, float) else value


def _nameless(vector: Vector) -> Vector:
    return {_key(dict(labels)): value for labels, value in vector.items()}


def _key(labels: Labels) -> frozenset[tuple[str, str]]:
    """Return the labels without the metric name, which a computed series loses."""
    return frozenset((name, value) for name, value in labels.items() if name != "__name__")
