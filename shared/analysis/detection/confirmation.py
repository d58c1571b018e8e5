"""
What shows the failure and cannot be written by a user of the service, and what speaks against the log text.

Whoever sends text to a service can have lines in its log that look as it writes them. Nobody outside writes its
metrics, the platform's status, or the fields that a logger fills; infra/SECURITY.md has the table.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from shared.analysis.detection.health import is_down
from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.series.metric_anomalies import LOG_RATE, Anomaly, least_change, quantity
from shared.contracts import Confirmation, StackTrace
from shared.telemetry.port import BY_WORDS, CHOSEN_BY_CLIENTS, FAILURES, FROM_LINES, PLATFORM_FAILURES, Series

RISES_WITHIN = timedelta(minutes=5)
"""A rate over two minutes, scraped each minute and sure after two points, shows a rise by then."""
WOULD_SHOW = 2.0
"""How much more than the least change that counts must be expected, as not every error line ends a request."""


def confirmations(summary: TelemetrySummary, traces: Sequence[StackTrace]) -> list[Confirmation]:
    """Return what confirms the failure, the service's own failing first; `traces` are those of the incident."""
    all_of_them = [*_of_platform(summary), *_of_condition(summary), *_of_series(summary), *_of_traces(traces)]
    return sorted(all_of_them, key=lambda one: not one.shows_failure)


def contradiction(summary: TelemetrySummary) -> str:
    """
    Return the metric in which as many failures as the log text reports would show, and which does not move; else "".

    Only a measure of failures whose usual range is read, beside one of requests, can speak against log text.
    """
    onset = summary.onset
    if onset is None or not summary.risen:
        return ""
    times = summary.risen[0].times
    failures = len(times) - times.before(onset)
    by_name = {one.name: one for one in summary.series if one.convention not in (BY_WORDS, FROM_LINES)}
    for name in FAILURES:
        measured, rate = by_name.get(name), by_name.get(name.replace("error_ratio", "request_rate"))
        if measured is None or rate is None or any(one.series.name == name for one in summary.anomalies):
            continue
        requests = _requests_since(summary, rate)
        usual, worst = least_change(measured, onset), _worst_since(summary, measured)
        if usual is None or worst is None or not requests:
            continue
        baseline, change = usual
        if failures / requests >= WOULD_SHOW * change and worst - baseline < change:
            least, most = quantity(failures / requests, "ratio"), quantity(worst, measured.unit)
            return f"By its lines about {least} of requests fail, while {name} is at most {most} since the onset."
    return ""


def would_confirm(summary: TelemetrySummary) -> str:
    """Return what could show the failure beside log text, in one sentence."""
    if not summary.series:
        absent = next(iter(summary.metrics_absent), "")
        return absent or "A metric of its failed requests would confirm it: set PROMETHEUS_HOST."
    if not any(one.name in FAILURES for one in summary.series):
        return "A metric of its failed requests would confirm it: PROMETHEUS_QUERIES can name one as error_ratio."
    return "Its failed requests are measured, and their share did not rise at the onset."


def _of_platform(summary: TelemetrySummary) -> Iterator[Confirmation]:
    if is_down(summary.series) is not None:
        yield Confirmation(what="No scrape reaches the service: up is 0.", shows_failure=True)


def _of_condition(summary: TelemetrySummary) -> Iterator[Confirmation]:
    """Yield the alert's own condition, where metrics of known conventions fulfil it now."""
    state = summary.condition
    if state is not None and state.holds and state.measures != "unknown":
        what = f"{state.sentence[:1].upper()}{state.sentence[1:]}."
        yield Confirmation(what=what, shows_failure=state.measures == "failures")


def _of_series(summary: TelemetrySummary) -> Iterator[Confirmation]:
    for anomaly in summary.anomalies:
        series = anomaly.series
        if series.name == LOG_RATE or series.convention in (BY_WORDS, FROM_LINES) or not _is_near(anomaly, summary):
            continue
        moved = f"{quantity(anomaly.baseline, series.unit)} → {quantity(anomaly.value, series.unit)}"
        what = f"{series.name}: {moved} from {anomaly.at:%H:%M:%S} UTC."
        is_chosen = series.name in CHOSEN_BY_CLIENTS
        shows_failure = series.name in (*FAILURES, *PLATFORM_FAILURES) and not is_chosen
        yield Confirmation(what=what, shows_failure=shows_failure)


def _is_near(anomaly: Anomaly, summary: TelemetrySummary) -> bool:
    return summary.onset is None or abs(anomaly.at - summary.onset) <= RISES_WITHIN


def _of_traces(traces: Sequence[StackTrace]) -> Iterator[Confirmation]:
    """Yield that every stack trace is the logger's own: one that is not may be what leads to a place in the code."""
    if traces and all(trace.is_in_own_field and not trace.is_doubtful for trace in traces):
        what = "Each stack trace stands in a field that only the logger fills, and no text of the log is unescaped."
        yield Confirmation(what=what, shows_failure=True)


def _requests_since(summary: TelemetrySummary, rate: Series) -> float:
    """Return how many requests came since the onset, by their rate."""
    assert summary.onset is not None
    values = [value for at, value in rate.points if at >= summary.onset]
    seconds = (summary.window.end - summary.onset).total_seconds()
    return sum(values) / len(values) * seconds if values else 0.0


def _worst_since(summary: TelemetrySummary, series: Series) -> float | None:
    assert summary.onset is not None
    return max((value for at, value in series.points if at >= summary.onset), default=None)
