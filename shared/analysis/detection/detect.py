"""Detection without a model: alert, log page and series in, a whole Incident out."""

from collections.abc import Sequence

from shared.analysis.detection import evidence
from shared.analysis.detection.classify import classify
from shared.analysis.detection.evidence import MOST_ANOMALIES, MOST_TRACES, Collector
from shared.analysis.detection.judge import judge
from shared.analysis.detection.summary import look
from shared.contracts import Alert, Incident, Judgement
from shared.telemetry.port import LogPage, Series

UNREAD = Judgement(incident_detected=False, recommendation="proceed", severity="low", incident_type_hint="unknown")


def detect(alert: Alert, page: LogPage | None, series: Sequence[Series], troubles: Sequence[str]) -> Incident:
    """
    Return what the telemetry shows, with evidence, and the offline judgement.

    `page` is None when the logs could not be read, `series` empty when metrics could not; `troubles` says why, one
    sentence each. An alert without telemetry is never dismissed: a dead service logs nothing.
    """
    picture = look(alert, page, series)
    troubles = [*troubles, *_silence(page)]
    collector = Collector(page)
    collector.alert(picture)
    traces = [collector.trace(group, picture.onset) for group in picture.traces[:MOST_TRACES]]
    patterns = evidence.patterns(collector, picture)
    evidence.surroundings(collector, picture)
    anomalies = [collector.anomaly(anomaly) for anomaly in picture.anomalies[:MOST_ANOMALIES]]
    seen = Incident(
        **UNREAD.model_dump(),
        produced_by="offline",
        degraded="; ".join(troubles)[:2000] or None,
        start=picture.window.start,
        end=picture.window.end,
        onset=picture.onset,
        error_summary=evidence.summary(picture, anomalies),
        patterns=patterns,
        stack_traces=traces,
        evidence=collector.evidence[:40],
        log_query_used=(page.query if page else "")[:2000],
        lines_read=picture.lines_read,
    )
    return seen.model_copy(update=dict(judge(picture, classify(picture), seen)))


def _silence(page: LogPage | None) -> list[str]:
    if page is None or page.lines:
        return []
    return [f"No log line was found by {page.query}: the service is silent, or its logs carry another label"]
