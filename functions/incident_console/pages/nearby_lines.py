"""The lines around a piece of evidence, as incident_detection kept them."""

from shared.contracts import Evidence
from shared.redaction import redact
from shared.traces import evidence_context
from shared.traces.entries import ToolCallEntry
from shared.traces.evidence_context import NearbyLine
from shared.traces.port import TraceStore

from .incident_trace import IncidentTrace


def nearby_lines(trace: IncidentTrace, store: TraceStore, evidence: Evidence) -> list[NearbyLine]:
    """Return the lines around the evidence; none where no stored result holds it. Raises what the store raises."""
    calls = [call for run in trace.runs for call in run.entry["tool_calls"]]
    kept_calls = [call for call in calls if call["tool_name"] == evidence_context.TOOL]
    found_lines = (evidence_context.read(_result(call, store), evidence.id) for call in kept_calls)
    return next(filter(None, found_lines), [])


def _result(call: ToolCallEntry, store: TraceStore) -> str:
    whole = store.text(call["result_ref"]) if call["result_ref"] else None
    return redact(whole or call["result"])
