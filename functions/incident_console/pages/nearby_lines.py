"""The lines around a piece of evidence, in the whole result of the query that returned it."""

from dataclasses import dataclass

from shared.contracts import Evidence
from shared.redaction import redact
from shared.traces.port import TraceStore

from .incident_trace import IncidentTrace

LINES_AROUND = 8
MAX_CHARS = 500
_TOOLS = {"logs": ("query_loki",), "metrics": ("query_prometheus",)}


@dataclass(frozen=True)
class NearbyLine:
    """A line of the result; `is_evidence` where the evidence begins."""

    text: str
    is_evidence: bool


def nearby_lines(trace: IncidentTrace, store: TraceStore, evidence: Evidence) -> list[NearbyLine]:
    """Return the lines around the evidence; none where no stored result holds it. Raises what the store raises."""
    first = redact(evidence.text).strip().split("\n")[0].strip()
    for text in _results(trace, store, evidence.source):
        lines = redact(text).split("\n")
        place = next((number for number, line in enumerate(lines) if first and first in line), None)
        if place is not None:
            start = max(0, place - LINES_AROUND)
            chosen = lines[start : place + LINES_AROUND + 1]
            return [NearbyLine(line[:MAX_CHARS], start + number == place) for number, line in enumerate(chosen)]
    return []


def _results(trace: IncidentTrace, store: TraceStore, source: str) -> list[str]:
    tools = _TOOLS.get(source, ())
    calls = [call for run in trace.runs for call in run.entry["tool_calls"] if call["tool_name"] in tools]
    return [(store.text(call["result_ref"]) if call["result_ref"] else None) or call["result"] for call in calls]
