"""What one incident took, and how it divides into the model's part and ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from infra.bench.brief.measured_model import MeasuredCall
from infra.local.cli.timeline import StepSpan
from shared.model.pricing import cost_usd


@dataclass(frozen=True)
class Usage:
    """Model calls of one incident: how many, how many in series, seconds of the longest chain, tokens and cost."""

    calls: int
    in_series: int
    path_s: float
    tokens_in: int
    tokens_out: int
    usd: float


@dataclass(frozen=True)
class Timing:
    """
    Seconds of one incident: to the 202 from the post, and to the mails from the 202.

    `early_s` is None where there is one mail; `steps_s` are the seconds of each step that are not the model's.
    """

    accepted_s: float
    full_s: float
    usage: Usage
    early_s: float | None = None
    steps_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def own_s(self) -> float:
        """Seconds from the 202 to the full brief that are not the model's."""
        return self.full_s - self.usage.path_s


def usage(calls: Sequence[MeasuredCall], mailed: float) -> Usage:
    """Return what the calls of one incident add up to; only those before its mail are on the path to it."""
    in_series, _ = chain_of(calls)
    _, path_s = chain_of([call for call in calls if call.ended <= mailed])
    return Usage(
        calls=len(calls),
        in_series=in_series,
        path_s=path_s,
        tokens_in=sum(call.tokens_in for call in calls),
        tokens_out=sum(call.tokens_out for call in calls),
        usd=sum(cost_usd(call.model, call.tokens_in, 0, call.tokens_out) for call in calls),
    )


def chain_of(calls: Sequence[MeasuredCall]) -> tuple[int, float]:
    """Return the length of the longest chain of calls, each begun after the one before had ended, and its seconds."""
    ordered = sorted(calls, key=lambda call: call.ended)
    chains: list[tuple[int, float]] = []
    for index, call in enumerate(ordered):
        before = [chains[other] for other in range(index) if ordered[other].ended <= call.began]
        count, seconds = max(before, default=(0, 0.0))
        chains.append((count + 1, seconds + call.ended - call.began))
    return max(chains, default=(0, 0.0))


STEPS = ("read", "publish_early", "detect", "analyze", "solve", "update_files", "create_pull_request", "publish")


def own_seconds(spans: Sequence[StepSpan], calls: Sequence[MeasuredCall]) -> dict[str, float]:
    """Return for each step of STEPS its seconds without those in which a model's call ran."""
    own: dict[str, float] = {}
    for span in spans:
        if span.step in STEPS and span.ended is not None:
            start, end = span.began.timestamp(), span.ended.timestamp()
            own[span.step] = max(own.get(span.step, 0.0), end - start - _covered(calls, start, end))
    return own


def _covered(calls: Sequence[MeasuredCall], start: float, end: float) -> float:
    """Return how many seconds between two moments at least one call ran."""
    covered, reached = 0.0, start
    for call in sorted(calls, key=lambda call: call.began):
        began, ended = max(call.began, reached), min(call.ended, end)
        if ended > began:
            covered, reached = covered + ended - began, ended
    return covered


def medians(timings: Sequence[Timing]) -> Timing:
    """Return the medians of several incidents; calls and tokens are those of the last."""
    early = [timing.early_s for timing in timings if timing.early_s is not None]
    names = dict.fromkeys(name for timing in timings for name in timing.steps_s)
    last = timings[-1].usage
    path_s = median(timing.usage.path_s for timing in timings)
    return Timing(
        accepted_s=median(timing.accepted_s for timing in timings),
        full_s=median(timing.full_s for timing in timings),
        usage=Usage(last.calls, last.in_series, path_s, last.tokens_in, last.tokens_out, last.usd),
        early_s=median(early) if early else None,
        steps_s={name: median(timing.steps_s.get(name, 0.0) for timing in timings) for name in names},
    )
