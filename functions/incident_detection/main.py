"""IncidentDetectionAgent: reads logs first, then metrics, and decides whether the alert is an incident."""

from functools import partial
from pathlib import Path

from shared.agent.agent import Agent
from shared.analysis.detection.detect import detect
from shared.contracts import DetectionRequest, Incident, Judgement
from shared.step import steps
from shared.step.step import step

from .fetch_telemetry import read_telemetry
from .follow_requests import follow_requests
from .keep_nearby_lines import keep_nearby_lines
from .log_query_tool import LogQueryTool
from .read_annotations import read_annotations
from .read_condition import read_condition

AGENT = Agent[Incident](steps.INCIDENT_DETECTION, Path(__file__).with_name("prompt.md"), Judgement)


@step
def incident_detection(request: DetectionRequest) -> Incident:
    """Return the evidence in the alert's window and a judgement on it; unreadable telemetry degrades the answer."""
    alert = request.alert
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
    tools = LogQueryTool(alert, incident, read.logs.label if read.logs else "")
    toolbox = tools.toolbox() if read.logs is not None else None
    # Up to 16 MB of lines, which a model's answer would otherwise hold for minutes.
    del read
    return AGENT.refine(request.incident_id, incident, {"alert": alert}, tools.check, toolbox)
