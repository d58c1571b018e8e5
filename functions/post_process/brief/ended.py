"""Whether the harm went on until what was read ends: by the failures that were logged, else by what was measured."""

from datetime import datetime

from shared.analysis.series.change_point import SURE
from shared.analysis.series.condition import MAX_LAG
from shared.analysis.series.metric_anomalies import LOG_RATE
from shared.analysis.series.still import is_measured_still
from shared.contracts import Incident, LogPattern, StackTrace


def ended_at(incident: Incident | None) -> datetime | None:
    """
    Return when the last failure was written, where it would surely have come again since; None where it may go on.

    A service that writes nothing any more, or that no scrape reaches, has not recovered.
    """
    if incident is None or incident.verdict != "incident" or incident.onset is None or _is_silent(incident):
        return None
    failures = _failures(incident)
    if not failures or is_measured_still(incident):
        return None
    last, first = max(one.last_seen for one in failures), min(one.first_seen for one in failures)
    count = max(one.count for one in failures)
    quiet_s, spread_s = (incident.end - last).total_seconds(), (last - first).total_seconds()
    # At the rate at which it came, so many would be expected in the quiet time that their absence is certain.
    is_over = quiet_s * (count - 1) > SURE * spread_s > 0
    return last if is_over and incident.end - last > MAX_LAG else None


def _failures(incident: Incident) -> list[StackTrace | LogPattern]:
    """Return what began to fail; what failed before too goes on by itself."""
    bad: list[StackTrace | LogPattern] = [*incident.stack_traces]
    bad += [one for one in incident.patterns if one.level in ("error", "fatal")]
    return [one for one in bad if not one.count_before_onset]


def _is_silent(incident: Incident) -> bool:
    """Return whether the service may be dead: nothing shows that it still writes, or a metric shows that it is."""
    moved = {one.metric for one in incident.error_summary.metric_anomalies}
    others = [one for one in incident.patterns if one.level not in ("error", "fatal")]
    writes = any(incident.end - one.last_seen <= MAX_LAG for one in others)
    return not writes or bool(moved & {"up", LOG_RATE})
