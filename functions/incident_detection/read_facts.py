"""Read the telemetry of an alert and judge it by the rules: all that is known before a model is asked."""

from functools import partial

from shared.analysis.detection.detect import detect
from shared.contracts import Alert, Incident

from .fetch_telemetry import read_telemetry
from .follow_requests import follow_requests
from .keep_nearby_lines import keep_nearby_lines
from .read_annotations import read_annotations
from .read_condition import read_condition


def read_facts(alert: Alert) -> Incident:
    """Return what the telemetry shows by the rules, and record the lines around its evidence."""
    read = read_telemetry(alert)
    condition = read_condition(alert)
    reported = read_annotations(alert)
    incident = detect(
        alert,
        read.logs,
        read.metrics.series,
        read.troubles,
        read.metrics.absent,
        condition,
        partial(follow_requests, alert, read.logs),
        annotations=reported.annotations,
        hints=(*reported.hints, *read.metrics.hints),
        instances=read.metrics.instances,
    )
    if read.logs is not None:
        keep_nearby_lines(read.logs.lines, incident.evidence)
    return incident
