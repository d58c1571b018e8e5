"""
IncidentDetectionAgent: reads logs first, then metrics, and decides whether the alert is an incident.

The workflow calls it twice: to read, so that people have the facts at once, and to judge what was read.
"""

from pathlib import Path

from shared.agent.agent import Agent
from shared.contracts import DetectionRequest, Incident, Judgement
from shared.step import steps
from shared.step.step import step

from .early_brief import is_sent_early
from .log_query_tool import LogQueryTool
from .read_facts import read_facts

AGENT = Agent[Incident](steps.INCIDENT_DETECTION, Path(__file__).with_name("prompt.md"), Judgement)


@step
def incident_detection(request: DetectionRequest) -> Incident:
    """
    Return the evidence in the alert's window and a judgement on it; unreadable telemetry degrades the answer.

    What was read before is not read again; at the stage that only reads, the judgement is that of the rules.
    """
    facts = request.facts or read_facts(request.alert)
    if request.reads_only:
        return facts.replace(sends_early=is_sent_early(facts))
    facts = facts.replace(sends_early=False)
    tools = LogQueryTool(request.alert, facts, facts.log_label)
    toolbox = tools.toolbox() if facts.log_query_used else None
    return AGENT.refine(request.incident_id, facts, {"alert": request.alert}, tools.check, toolbox)
