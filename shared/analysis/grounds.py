"""What a change of code rests on: it goes on a branch by itself only where more than text shows the failure."""

from shared.contracts import CodeAnalysis, Incident

DOUBTFUL = (
    "The stack trace that leads to this code stands where a user of the service may have written it (in a value of "
    "another line, in an ordinary line, or in a kind that mostly comes without one)."
)
TEXT_ALONE = "Log text alone shows the failure, and a user of the service may have written that too."


def is_doubtful(incident: Incident, analysis: CodeAnalysis | None) -> bool:
    """Return whether only stack traces that a user of the service may have sent lead to the code."""
    located = analysis.located_files if analysis else []
    return any(trace.is_doubtful for trace in incident.stack_traces) and not located


def doubt(incident: Incident, analysis: CodeAnalysis | None) -> str:
    """Return why a person must see a change before it is on a branch, and what would confirm it; "" without a doubt."""
    if is_doubtful(incident, analysis):
        return DOUBTFUL
    if incident.failure_signals:
        return ""
    return " ".join(filter(None, (TEXT_ALONE, incident.contradiction or incident.would_confirm)))
