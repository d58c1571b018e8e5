"""Which kind of fault the evidence points to, by rules, with the reason."""

from dataclasses import dataclass

from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.faults import matching
from shared.analysis.faults.matching import Signal
from shared.analysis.faults.resources import measures_resource
from shared.analysis.logs.groups import TraceGroup
from shared.analysis.logs.levels import SERVER_ERROR
from shared.analysis.series.metric_anomalies import LOG_RATE
from shared.bounds import clip
from shared.contracts import IncidentType

LINE_CHARS = 1000
"""As much of a line as the contract keeps."""


@dataclass(frozen=True)
class Classification:
    """An incident type and the reason for it; `signal` is the match it is based on, if any."""

    type: IncidentType
    reason: str
    signal: Signal | None = None
    is_followed: bool = False
    """Whether the requests that were followed over other services name the type."""


def classify(summary: TelemetrySummary) -> Classification:
    """Return the type of incident by the leading trace, else by signals in texts, else by metrics, else unknown."""
    leading = _leading_trace(summary)
    if leading is not None:
        return _by_line_before(leading, summary) or _by_trace(leading)
    texts = summary.signal_texts
    if (signal := matching.first(texts)) is not None:
        return Classification(signal.rule.incident_type, f"{signal.rule.name}: {signal.quote}", signal)
    return _by_metrics(summary)


def _leading_trace(summary: TelemetrySummary) -> TraceGroup | None:
    """Return the first trace, unless something else rose and it did not."""
    if not summary.traces:
        return None
    first = summary.traces[0]
    if first.change or not summary.risen:
        return first
    return None


def _by_line_before(trace: TraceGroup, summary: TelemetrySummary) -> Classification | None:
    """Return the fault that a new line names as often as the trace and before it; an exception may not say its own."""
    if matching.find(_raised(trace), 1):
        return None
    for line in summary.lines:
        is_new = line.change is not None and line.change.is_new and not line.carries_trace
        is_as_often = len(line.times) >= len(trace.times)
        is_first = line.times.first <= trace.times.first and line.times.last <= trace.times.last
        if not (is_new and is_as_often and is_first):
            continue
        signal = matching.first([clip(line.exemplar.text, LINE_CHARS)])
        if signal is not None and signal.rule.kind != "crash":
            return Classification(signal.rule.incident_type, f"{signal.rule.name}: {signal.quote}", signal)
    return None


def _raised(trace: TraceGroup) -> str:
    return "\n".join(str(one) for one in (trace.parsed.raised, *trace.parsed.others))


def _by_trace(trace: TraceGroup) -> Classification:
    raised = trace.parsed.raised
    if signals := matching.find(_raised(trace), 1):
        signal = signals[0]
        return Classification(signal.rule.incident_type, f"{raised.type} says {signal.rule.name}", signal)
    own = [frame for frame in raised.frames if frame.in_app]
    if own:
        place = f"{own[-1].path}:{own[-1].line}"
        return Classification("code_issue", f"{raised.type} raised through the service's own code at {place}")
    return Classification("unknown", f"{raised.type} without a frame of the service's own code")


def _by_metrics(summary: TelemetrySummary) -> Classification:
    for anomaly in summary.anomalies:
        if anomaly.series.name == LOG_RATE:
            return Classification("unknown", "the service is down or stuck, or its logs no longer arrive")
        name = anomaly.series.name.lower()
        if name == "up" or "restart" in name or measures_resource(name):
            return Classification("infrastructure_issue", f"{anomaly.series.name} left its usual range")
    if any(SERVER_ERROR.search(text) for text in summary.signal_texts[:1]):
        return Classification("unknown", "server errors answered by the service itself, which does not log why")
    if summary.risen:
        return Classification("unknown", "errors rose, but nothing in them names a kind of fault")
    return Classification("unknown", "nothing in the telemetry names a kind of fault")
