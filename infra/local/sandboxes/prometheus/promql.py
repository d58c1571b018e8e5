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
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

from infra.local.sandboxes.matchers import Matcher, SyntaxFault, Tokens, read_matchers, seconds

LOOKBACK_S = 300
Sample = tuple[float, float]
LabelSet = frozenset[tuple[str, str]]
Vector = dict[LabelSet, float]
Value = float | Vector

_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "min": min,
    "max": max,
    "avg": lambda values: math.fsum(values) / len(values),
    "count": lambda values: float(len(values)),
}


@dataclass(frozen=True)
class Stored:
    """One series with its samples, oldest first."""

    labels: Mapping[str, str]
    samples: Sequence[Sample]

    @cached_property
    def label_set(self) -> LabelSet:
        """The labels, to find it by."""
        return frozenset(self.labels.items())

    @cached_property
    def times(self) -> list[float]:
        """When each sample was taken."""
        return [at for at, _ in self.samples]

    @cached_property
    def growth(self) -> list[float]:
        """How much a counter grew up to each sample, of the first nothing; one that decreases was reset to zero."""
        values = [value for _, value in self.samples]
        return [0.0, *(new - old if new >= old else new for old, new in pairwise(values))]

    def within(self, start: float, end: float) -> tuple[int, int]:
        """Return where samples after `start` and up to `end` are: since Prometheus 3 a range is open on the left."""
        return bisect_right(self.times, start), bisect_right(self.times, end)


Store = Iterable[Stored]
Evaluator = Callable[[float], Value]
"""Computes a value at one time, in seconds since 1970."""
Expression = Callable[[Store], Evaluator]
"""Chooses from the stored series, once for all the times of a query."""


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

    def bind(store: Store) -> Evaluator:
        one, other = left(store), right(store)
        return lambda at: {**_vector(other(at)), **_vector(one(at))}

    return bind


def _term(tokens: Tokens) -> Expression:
    left = _factor(tokens)
    while operator := tokens.accept("/", "*"):
        left = _arithmetic(operator.text, left, _factor(tokens))
    return left


def _arithmetic(operator: str, left: Expression, right: Expression) -> Expression:
    compute = _divide if operator == "/" else float.__mul__

    def combine(one: Value, other: Value) -> Value:
        if isinstance(one, float) and isinstance(other, float):
            return compute(one, other)
        if isinstance(other, float):
            return {labels: compute(value, other) for labels, value in _nameless(_vector(one)).items()}
        if isinstance(one, float):
            return {labels: compute(one, value) for labels, value in _nameless(other).items()}
        divisors = _nameless(other)
        return {labels: compute(v, divisors[labels]) for labels, v in _nameless(one).items() if labels in divisors}

    def bind(store: Store) -> Evaluator:
        one, other = left(store), right(store)
        return lambda at: combine(one(at), other(at))

    return bind


def _divide(one: float, other: float) -> float:
    """Divide by the rules of IEEE 754, where Python would raise."""
    if other:
        return one / other
    return math.nan if one == 0 or math.isnan(one) else math.copysign(math.inf, one)


def _factor(tokens: Tokens) -> Expression:
    if tokens.peek.kind == "number":
        number = float(tokens.take().text)
        return lambda _: lambda _: number
    if tokens.peek.text in _AGGREGATES:
        return _aggregate(tokens)
    if tokens.accept("("):
        return _closed(tokens, _expression(tokens))
    if tokens.accept("histogram_quantile"):
        return _histogram_quantile(tokens)
    if function := tokens.accept("rate", "increase"):
        return _growth(tokens, is_rate=function.text == "rate")
    return _latest(_selector(tokens))


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


def _latest(matchers: tuple[Matcher, ...]) -> Expression:
    def bind(store: Store) -> Evaluator:
        selected = _selected(store, matchers)

        def evaluate(at: float) -> Vector:
            windows = ((series, series.within(at - LOOKBACK_S, at)) for series in selected)
            return {series.label_set: series.samples[end - 1][1] for series, (start, end) in windows if start < end}

        return evaluate

    return bind


def _selected(store: Store, matchers: tuple[Matcher, ...]) -> list[Stored]:
    return [series for series in store if all(matcher.matches(series.labels) for matcher in matchers)]


def _growth(tokens: Tokens, is_rate: bool) -> Expression:
    tokens.expect("(")
    matchers = _selector(tokens)
    tokens.expect("[")
    range_s = seconds(tokens.expect_kind("duration").text)
    tokens.expect("]")
    scale = range_s if is_rate else 1.0

    def bind(store: Store) -> Evaluator:
        selected = [(_without_name(series.label_set), series) for series in _selected(store, matchers)]

        def evaluate(at: float) -> Vector:
            grown = ((labels, increase(series, at - range_s, at)) for labels, series in selected)
            return {labels: value / scale for labels, value in grown if value is not None}

        return evaluate

    return _closed(tokens, bind)


def increase(series: Stored, start: float, end: float) -> float | None:
    """
    Return the increase of a counter in the range, extrapolated to its borders; None with fewer than two samples.

    Source: extrapolatedRate in prometheus/promql/functions.go.
    """
    first, stop = series.within(start, end)
    if stop - first < 2:
        return None
    grown = math.fsum(series.growth[first + 1 : stop])
    (first_at, first_value), (last_at, _) = series.samples[first], series.samples[stop - 1]
    sampled_s = last_at - first_at
    typical_s = sampled_s / (stop - first - 1)
    before_s, after_s = first_at - start, end - last_at
    # A longer gap than usual means that the series started or ended there: half an interval is assumed.
    before_s = before_s if before_s < typical_s * 1.1 else typical_s / 2
    after_s = after_s if after_s < typical_s * 1.1 else typical_s / 2
    if grown > 0 and first_value >= 0:
        # The extrapolation must not go below zero.
        before_s = min(before_s, sampled_s * first_value / grown)
    return grown * (sampled_s + before_s + after_s) / sampled_s


def _aggregate(tokens: Tokens) -> Expression:
    compute = _AGGREGATES[tokens.take().text]
    names = _by(tokens)
    tokens.expect("(")
    inner = _closed(tokens, _expression(tokens))
    names = names or _by(tokens)

    def aggregate(vector: Vector) -> Vector:
        groups: dict[LabelSet, list[float]] = {}
        for labels, value in vector.items():
            groups.setdefault(_only(labels, names), []).append(value)
        return {labels: compute(values) for labels, values in groups.items()}

    return _of_vector(inner, aggregate)


def _of_vector(inner: Expression, compute: Callable[[Vector], Vector]) -> Expression:
    def bind(store: Store) -> Evaluator:
        evaluate = inner(store)
        return lambda at: compute(_vector(evaluate(at)))

    return bind


def _by(tokens: Tokens) -> frozenset[str]:
    if not tokens.accept("by"):
        return frozenset()
    tokens.expect("(")
    names = [tokens.expect_kind("name").text]
    while tokens.accept(","):
        names.append(tokens.expect_kind("name").text)
    tokens.expect(")")
    return frozenset(names)


def _histogram_quantile(tokens: Tokens) -> Expression:
    tokens.expect("(")
    quantile = float(tokens.expect_kind("number").text)
    tokens.expect(",")
    inner = _closed(tokens, _expression(tokens))

    def quantiles(vector: Vector) -> Vector:
        groups: dict[LabelSet, list[Sample]] = {}
        for labels, count in vector.items():
            if (bucket := _bucket(labels)) is not None:
                groups.setdefault(bucket[0], []).append((bucket[1], count))
        return {labels: bucket_quantile(quantile, buckets) for labels, buckets in groups.items()}

    return _of_vector(inner, quantiles)


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
    return {_without_name(labels): value for labels, value in vector.items()}


# The labels of a series are the same at every time of a query, so what follows from them is computed once.
@lru_cache(4096)
def _without_name(labels: LabelSet) -> LabelSet:
    """Return the labels without the metric name, which a computed series loses."""
    return frozenset(pair for pair in labels if pair[0] != "__name__")


@lru_cache(4096)
def _only(labels: LabelSet, names: frozenset[str]) -> LabelSet:
    return frozenset(pair for pair in labels if pair[0] in names)


@lru_cache(4096)
def _bucket(labels: LabelSet) -> tuple[LabelSet, float] | None:
    """Return the labels of the histogram and the upper bound of this bucket of it; None when it is no bucket."""
    others = dict(labels)
    bound = others.pop("le", None)
    return None if bound is None else (_without_name(frozenset(others.items())), float(bound))
