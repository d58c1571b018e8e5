"""What users meet: what the alert measures of requests, else the share that fails, by access lines or by metrics."""

import re

from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.logs.groups import LineGroup
from shared.analysis.logs.levels import SERVER_ERROR
from shared.analysis.series.metric_anomalies import quantity
from shared.telemetry.port import FAILURES

ACCESS = re.compile(
    r"(?P<quoted>HTTP/\d(?:\.\d)?\"\s+\d{3}\b)|(?P<field>\bstatus(?:_code)?=\d{3}\b)"
    r"|(?P<plain>\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S* \d{3}(?= |$))|(?P<column>\| \d{3} \|)"
)
"""A server's own access line, in the forms that SERVER_ERROR knows, each named."""
PROBE = re.compile(r"/(?:health|ready|live|ping|metrics|status)(?:z|ness|y)?\b", re.IGNORECASE)
"""Requests of the platform, which no user makes."""


def impact_of(summary: TelemetrySummary) -> str:
    """Return it in one sentence, or an empty text when nothing that was read shows it."""
    return _by_condition(summary) or _by_lines(summary) or _by_metric(summary)


def _by_condition(summary: TelemetrySummary) -> str:
    """Return what the alert's own condition measures now, where it measures requests."""
    state = summary.condition
    return f"{state.impact}." if state is not None and state.impact else ""


def _by_lines(summary: TelemetrySummary) -> str:
    onset = summary.onset
    if onset is None:
        return ""
    requests = [line for line in summary.lines if _form(line)]
    # Another form is another log: a proxy's of what the service calls, beside its own of what it answers.
    failing = {_form(line) for line in requests if SERVER_ERROR.search(line.exemplar.text)}
    requests = [line for line in requests if _form(line) in failing]
    since = {id(line): len(line.times) - line.times.before(onset) for line in requests}
    failed = sum(since[id(line)] for line in requests if SERVER_ERROR.search(line.exemplar.text))
    total = sum(since.values())
    if not failed or failed == total:
        # Failures alone may be all that is logged: their share is not known then.
        return ""
    return f"{quantity(failed / total, 'ratio')} of requests fail: {failed:,} of {total:,} since {onset:%H:%M} UTC."


def _form(line: LineGroup) -> str:
    """Return in which form it reports a request of a user; an empty text when it reports none."""
    match = ACCESS.search(line.exemplar.text)
    return match.lastgroup or "" if match and not PROBE.search(line.exemplar.text) else ""


def _by_metric(summary: TelemetrySummary) -> str:
    for anomaly in summary.anomalies:
        if anomaly.series.name in FAILURES:
            return f"Up to {quantity(anomaly.value, 'ratio')} of requests fail, since {anomaly.at:%H:%M} UTC."
    return ""
