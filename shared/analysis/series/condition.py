"""Whether the alert's own condition holds now: by how much, since when, in the words of the service's users."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.bounds import clip
from shared.contracts import Alert
from shared.telemetry.port import FAILS, AlertCondition, ConditionReading, Measured, Series

MAX_LAG = timedelta(minutes=2)
"""Metrics are scraped with this delay at most: an older point says nothing of now."""
_REQUESTS = re.compile(r"request|http|grpc|rpc|_rq_", re.IGNORECASE)
_DURATION = re.compile(r"(milli)?seconds|duration|latency", re.IGNORECASE)
_QUANTILE = re.compile(r"histogram_quantile\s*\(\s*(0?\.\d+)")
_IN_PERCENT = re.compile(r"\*\s*100\b|\b100\s*\*")
_QUOTED = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|`[^`]*`")
_BEYOND = {">": "above", ">=": "from", "<": "below", "<=": "up to", "==": "at", "!=": "at anything but"}
MEASURE_CHARS = 100


@dataclass(frozen=True)
class ConditionState:
    """
    What is known of the alert's condition; `holds` is None when nothing decides it, and then `sentence` is empty.

    `impact` is what users meet while it holds, where it measures their requests.
    """

    holds: bool | None
    sentence: str
    measure: str
    since: datetime | None = None
    impact: str = ""
    measures: Measured = "unknown"
    condition: AlertCondition | None = None
    series: Series | None = None
    """The one that the sentence is about."""

    @property
    def title(self) -> str:
        """What the alert watches, in the words of the service's users where the expression says so."""
        measure = self.measure
        if _is_share_of_failures(measure):
            return f"Share of {'requests' if _REQUESTS.search(measure) else 'all'} that fail"
        quantile = _QUANTILE.search(measure)
        if quantile and _DURATION.search(measure):
            return f"Time that the slowest {_slowest(quantile)} of requests take at least"
        return clip(" ".join(measure.split()), MEASURE_CHARS)

    @property
    def unit(self) -> str:
        """The unit of the series, empty where the expression does not say it."""
        if _is_share_of_failures(self.measure):
            return "%" if _IN_PERCENT.search(self.measure) else "ratio"
        duration = _DURATION.search(self.measure)
        return ("ms" if duration[1] else "s") if duration and _QUANTILE.search(self.measure) else ""

    @property
    def limit(self) -> str:
        """From which values on the alert fires, in words; empty without a threshold."""
        return _limit(self.condition) if self.condition and self.condition.threshold is not None else ""


def state_of(alert: Alert, reading: ConditionReading | None) -> ConditionState | None:
    """
    Return whether the condition holds at the end of the alert's window; None when it was not read.

    Series of other alerts of the same rule do not count: those with a label that the alert has with another value.
    """
    if reading is None or alert.status != "firing":
        return None
    condition = reading.condition
    current = [one for one in reading.series if _is_about(one, alert) and alert.end - one.points[-1][0] <= MAX_LAG]
    holding = [one for one in current if condition.holds(one.points[-1][1])]
    if holding:
        worst = max(holding, key=lambda one: abs(one.points[-1][1] - (condition.threshold or 0.0)))
        return replace(_still_holds(condition, worst), measures=reading.measures)
    if current and condition.threshold is not None:
        return _no_longer(condition, current)
    # No result is no proof: the service that was measured may be gone.
    return ConditionState(None, "", condition.measure)


def _is_about(series: Series, alert: Alert) -> bool:
    return all(alert.labels.get(name, value) == value for name, value in series.labels.items())


def _still_holds(condition: AlertCondition, series: Series) -> ConditionState:
    since = _since(condition, series)
    is_older = since == series.points[0][0]
    when = f"since {'at least ' if is_older else ''}{since:%H:%M:%S} UTC, and still now"
    if condition.threshold is None:
        sentence = f"the alert's condition holds {when}"
        return ConditionState(True, sentence, condition.measure, since, condition=condition, series=series)
    value = series.points[-1][1]
    now = _in_users_terms(condition.measure, value)
    sentence = f"{now} {when}: {_by_how_much(condition, value)}"
    impact = f"{now[:1].upper()}{now[1:]} {when}" if _is_of_requests(condition.measure) else ""
    return ConditionState(True, sentence, condition.measure, since, impact, condition=condition, series=series)


def _no_longer(condition: AlertCondition, current: Sequence[Series]) -> ConditionState:
    assert condition.threshold is not None
    closest = min(current, key=lambda one: abs(one.points[-1][1] - (condition.threshold or 0.0)))
    value = closest.points[-1][1]
    now = _in_users_terms(condition.measure, value)
    sentence = f"The alert's condition no longer holds: {now}, and it fires {_limit(condition)}."
    return ConditionState(False, sentence, condition.measure, condition=condition, series=closest)


def _since(condition: AlertCondition, series: Series) -> datetime:
    """Return the first point of the newest run in which the condition holds."""
    since = series.points[-1][0]
    for at, value in reversed(series.points):
        if not condition.holds(value):
            break
        since = at
    return since


def _by_how_much(condition: AlertCondition, value: float) -> str:
    threshold = condition.threshold
    limit = f"the alert fires {_limit(condition)}"
    is_multiple = condition.comparison in (">", ">=") and threshold is not None and threshold > 0
    return f"{value / threshold:.3g} times the limit, {limit}" if is_multiple and threshold else limit


def _limit(condition: AlertCondition) -> str:
    return f"{_BEYOND[condition.comparison]} {_with_unit(condition.measure, condition.threshold or 0.0)}"


def _in_users_terms(measure: str, value: float) -> str:
    """Name what is measured where the expression says so by the usual words, else quote the expression."""
    amount = _with_unit(measure, value)
    if _is_share_of_failures(measure):
        return f"{amount} of {'requests' if _REQUESTS.search(measure) else 'all'} fail"
    quantile = _QUANTILE.search(measure)
    if quantile and _DURATION.search(measure):
        return f"the slowest {_slowest(quantile)} of requests take {amount} or more"
    return f"{clip(' '.join(measure.split()), MEASURE_CHARS)} is {amount}"


def _slowest(quantile: re.Match[str]) -> str:
    return f"{100 * (1 - float(quantile[1])):.3g} %"


def _with_unit(measure: str, value: float) -> str:
    if _is_share_of_failures(measure):
        return f"{value if _IN_PERCENT.search(measure) else 100 * value:.3g} %"
    duration = _DURATION.search(measure)
    if duration and _QUANTILE.search(measure):
        return f"{value:.3g} {'ms' if duration[1] else 's'}"
    return f"{value:.4g}"


def _is_of_requests(measure: str) -> bool:
    is_latency = bool(_QUANTILE.search(measure) and _DURATION.search(measure))
    return bool(_REQUESTS.search(measure)) and (is_latency or _is_share_of_failures(measure))


def _is_share_of_failures(measure: str) -> bool:
    """Return whether it divides what failed by all: the dividend alone names failures."""
    # A slash within quotes is part of a label's value.
    slash = _QUOTED.sub(lambda match: "_" * len(match[0]), measure).rfind("/")
    return slash > 0 and bool(FAILS.search(measure[:slash])) and not FAILS.search(measure[slash:])
