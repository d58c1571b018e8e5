"""What one row of the table of conventions holds, and how rows that have much in common are made."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

REQUESTS = "requests"
"""The part of a slot's name that says that it holds requests to the service."""


@dataclass(frozen=True)
class Convention:
    """
    One row: where `metric` exists, and with it each of `others`, `promql` reads the vital sign `sign` from it.

    In PromQL and `others`, `$metric` stands for the name that was found and `$base` for the name without its last word.
    `by` are labels that hold the service's name too; with `is_own` false the service's own label is not used.
    """

    slot: str
    sign: str
    source: str
    metric: str
    promql: str
    unit: str = ""
    higher_is_worse: bool = True
    others: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    is_own: bool = True


@dataclass(frozen=True)
class Kind:
    """A kind of requests: the prefix of its signs, and what its rows have in common."""

    slot: str
    prefix: str
    by: tuple[str, ...] = ()
    is_own: bool = True
    extra: str = ""

    def row(self, part: str, sign: str, source: str, metric: str, promql: str, unit: str) -> Convention:
        """Return the row of one sign of this kind."""
        return Convention(
            f"{self.slot}: {part}",
            self.prefix + sign,
            source,
            metric,
            promql,
            unit,
            by=self.by,
            is_own=self.is_own,
        )


Failed = tuple[tuple[str, str], ...]


def rate(kind: Kind, name: str = "$metric", more: str = "") -> str:
    """Return PromQL of the requests per second of a kind; `more` are further matchers."""
    return f"sum(rate({name}{{{kind.extra}{more}$selector}}[$window]))"


def counted(kind: Kind, source: str, metric: str, failed: Failed) -> Iterator[Convention]:
    """Yield the rows of a counter of requests; without a label of the status it shows no failures, so no ratio."""
    bad = [rate(kind, more=f'{label}=~"{value}",') for label, value in failed]
    # Before the first failure there is no series of failures: then it is zero.
    good = [rate(kind, more=f'{label}!="",') + " * 0" for label, _ in failed]
    ratio = f"({' or '.join([*bad, *good])}) / {rate(kind)}"
    yield kind.row("failed", "error_ratio", source, metric, ratio, "ratio")
    yield replace(kind.row("rate", "request_rate", source, metric, rate(kind), "requests/s"), higher_is_worse=False)


def timed(kind: Kind, source: str, histogram: str, unit_s: float = 1) -> Iterator[Convention]:
    """Yield the rows of a histogram of durations: its 95th percentile, and without buckets its mean."""
    scale = "" if unit_s == 1 else f" * {unit_s}"
    buckets = f"sum by (le) (rate($metric{{{kind.extra}$selector}}[$window]))"
    quantile = f"histogram_quantile(0.95, {buckets}){scale}"
    yield kind.row("latency", "latency_p95", source, f"{histogram}_bucket", quantile, "s")
    mean = f"{rate(kind)} / {rate(kind, '${base}_count')}{scale}"
    yield replace(kind.row("latency", "latency_mean", source, f"{histogram}_sum", mean, "s"), others=("${base}_count",))


def requests(kind: Kind, source: str, histogram: str, failed: Failed, unit_s: float = 1) -> tuple[Convention, ...]:
    """Return the rows of a histogram of durations, whose count is the number of requests."""
    return (*counted(kind, source, f"{histogram}_count", failed), *timed(kind, source, histogram, unit_s))


def gauge(slot: str, sign: str, source: str, metric: str, unit: str, *by: str, how: str = "max") -> Convention:
    """Return the row of a gauge, by default of its worst instance."""
    return Convention(slot, sign, source, metric, f"{how}($metric{{$selector}})", unit, by=by)


def growth(slot: str, sign: str, source: str, metric: str, unit: str, *by: str, how: str = "max(rate") -> Convention:
    """Return the row of a counter's growth, by default the rate of its worst instance."""
    return Convention(slot, sign, source, metric, f"{how}($metric{{$selector}}[$window]))", unit, by=by)


def share(
    slot: str, sign: str, source: str, used: str, limit: str, *, is_counter: bool = False, by: str = ""
) -> Convention:
    """Return the row of a share of a limit, summed over instances, because their labels may differ."""
    part = "sum(rate({}{{$selector}}[$window]))" if is_counter else "sum({}{{$selector}})"
    promql = f"{part.format('$metric')} / {part.format(limit)}"
    return Convention(slot, sign, source, used, promql, "ratio", others=(limit,), by=(by,) if by else ())
