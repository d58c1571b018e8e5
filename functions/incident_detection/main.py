"""IncidentDetectionAgent: reads logs first, then metrics, and decides whether the alert is an incident."""

from pathlib import Path

from shared.agent import Agent
from shared.analysis.detect import detect
from shared.contracts import DetectionRequest, Incident, Judgement
from shared.step import step

from .reading import read_telemetry

AGENT = Agent[Incident](
    "incident_detection", tier="heavy", prompt=Path(__file__).with_name("prompt.md"), opinion=Judgement
)


@step("IncidentDetectionAgent")
def incident_detection(request: DetectionRequest) -> Incident:
    """Return the evidence of the alert's window and a judgement on it; unreadable telemetry degrades the answer."""
    read = read_telemetry(request.alert)
    incident = detect(request.alert, read.logs, read.series, read.troubles)
    return AGENT.refine(incident, {"alert": request.alert})
