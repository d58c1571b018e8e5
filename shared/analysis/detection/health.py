"""Whether what was read shows health, and what is missing when it does not: no data is no proof of anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil, log

from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.series.metric_anomalies import least_change, quantity
from shared.telemetry.port import PROTOCOLS, Series

VISIBLE_SHARE = 0.05
"""The share of failing entries that must not go unseen."""
CERTAINTY = 0.95
ENOUGH = ceil(log(1 - CERTAINTY) / log(1 - VISIBLE_SHARE))
"""Entries or requests, 59, of which none fails only once in twenty when one in twenty of all fails."""
MAX_LAG = timedelta(minutes=2)
"""Metrics are scraped, and logs shipped, with this delay at most."""
ENOUGH_POINTS = 8
"""Points of a series: four are a baseline, and as many are compared with it."""
NAME_IT = "give its rule the label service_name, so that the logs and metrics of the service can be read"
TRAFFIC = tuple(protocol + sign for protocol in PROTOCOLS for sign in ("request_rate", "error_ratio", "error_rate"))
"""Series that show the service at work."""


@dataclass(frozen=True)
class Health:
    """Sentences: each of `proof` shows health by itself, each of `missing` is something that could not be seen."""

    proof: tuple[str, ...]
    missing: tuple[str, ...]


def health_of(summary: TelemetrySummary, troubles: Sequence[str]) -> Health:
    """
    Return what shows that the service is healthy, and what would be needed to tell.

    `troubles` are the sources that failed, in one sentence each. Harm is judged elsewhere, and counts more.
    """
    logs, metrics = _logs(summary), _metrics(summary)
    condition = summary.condition
    sources = (
        logs,
        metrics,
        (condition.sentence if condition else "", condition is not None and condition.holds is False),
    )
    # While the alert's own condition holds, nothing else shows health, and no model may dismiss it.
    is_refuted = bool(troubles) or (condition is not None and condition.holds is True)
    # A mean over all requests hides that some of them take longer or end early.
    is_refuted = is_refuted or summary.requests_changed_at is not None
    proof = [] if is_refuted else [sentence for sentence, is_proof in sources if is_proof]
    # A source that failed has been named, and nothing more is known of it.
    lacks = [(logs, summary.logs_read), (metrics, bool(summary.series) or not troubles)]
    missing = [*troubles, *(sentence for (sentence, is_proof), is_news in lacks if is_news and not is_proof)]
    if changed_at := summary.requests_changed_at:
        missing.insert(
            0,
            f"Its requests became slower or take another path since {changed_at:%H:%M:%S} UTC.",
        )
    if not summary.alert.names_service:
        missing.insert(0, f"The alert names no service, only {summary.alert.service_name}: {NAME_IT}.")
    return Health(tuple(proof), tuple(dict.fromkeys((*missing, *summary.metrics_absent))))


def is_down(series: Sequence[Series]) -> Series | None:
    """Return the series `up` of a target that no scrape reaches now, or None."""
    return next((one for one in series if one.name == "up" and one.points and one.points[-1][1] == 0), None)


def _logs(summary: TelemetrySummary) -> tuple[str, bool]:
    """Return what the logs show or lack, and whether it is proof."""
    service, query = summary.alert.service_name, summary.log_query
    if not summary.logs_read:
        return "The logs could not be read.", False
    if not summary.lines_read:
        hint = "if it writes logs, they carry another label: set LOKI_SERVICE_LABEL"
        return f"No log line was found by {query or service}; {hint}.", False
    fired = _fired(summary)
    # The lines of one request succeed or fail together, so where lines name theirs, requests are counted.
    requests = summary.request_times
    times, what = (summary.entry_times, "log entries") if requests is None else (requests, "requests in the log")
    before, after = times.before(fired), len(times) - times.before(fired)
    wider = "a larger LOOKUP_WINDOW_SECONDS shows more"
    if not summary.has_baseline:
        return f"The window shows no time before the alert began to fire; {wider}.", False
    if before < ENOUGH:
        return f"Only {before} {what} were read of the time before {fired:%H:%M:%S} UTC; {wider}.", False
    if after < ENOUGH:
        return (
            f"Only {after} {what} were written since {fired:%H:%M:%S} UTC: one failure in 20 would not show.",
            False,
        )
    silent_for = summary.window.end - summary.entry_times.last
    if silent_for > MAX_LAG:
        return f"No log line was written in the last {round(silent_for.total_seconds())} s.", False
    return (
        f"{before:,} {what} before {fired:%H:%M:%S} UTC and {after:,} since: no error is new or more frequent.",
        True,
    )


def _metrics(summary: TelemetrySummary) -> tuple[str, bool]:
    """Return what the metrics show or lack, and whether it is proof."""
    service = summary.alert.service_name
    absent = next(iter(summary.metrics_absent), "")
    if not summary.series:
        advice = f"No metric of {service} was read: set PROMETHEUS_HOST and PROMETHEUS_SERVICE_LABEL, if it has any."
        return absent or advice, False
    at_work = [one for one in summary.series if one.name in TRAFFIC]
    if not at_work:
        return absent or f"No metric shows requests of {service}: PROMETHEUS_QUERIES can name one.", False
    current = [one for one in at_work if _is_current(one, summary.window.end)]
    if not current:
        return f"{at_work[0].name} of {service} has no points up to now.", False
    left = {anomaly.series.name for anomaly in summary.anomalies}
    calm = [one for one in current if one.name not in left and any(value for _, value in one.points)]
    clear = [one for one in calm if _would_show_harm(one, summary.onset)]
    if clear:
        return f"In their usual range: {'; '.join(_range(one) for one in clear)}.", True
    if calm:
        return f"{calm[0].name} of {service} varies so much that a failure would not show in it.", False
    return f"{current[0].name} is zero.", False


def _would_show_harm(series: Series, onset: datetime | None) -> bool:
    """Return whether the series would be an anomaly if the requests stopped, or if one in twenty failed."""
    usual = least_change(series, onset)
    if usual is None:
        return False
    baseline, change = usual
    if not series.higher_is_worse:
        return change <= baseline
    return series.unit != "ratio" or change <= VISIBLE_SHARE


def _is_current(series: Series, end: datetime) -> bool:
    return len(series.points) >= ENOUGH_POINTS and end - series.points[-1][0] <= MAX_LAG


def _range(series: Series) -> str:
    values = [value for _, value in series.points]
    ends = dict.fromkeys(quantity(end(values), series.unit) for end in (min, max))
    return f"{series.name} {' to '.join(ends)}"


def _fired(summary: TelemetrySummary) -> datetime:
    """Return when the alert began to fire, or the middle of the window: what is after it is compared with before."""
    middle = summary.window.start + (summary.window.end - summary.window.start) / 2
    fired = summary.alert.started_at
    return fired if fired is not None and summary.window.start < fired < summary.window.end else middle
