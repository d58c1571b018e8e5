"""Says what a failure means for the reader and what to do about it."""

from collections.abc import Iterable

from shared.bounds import clip
from shared.contracts import Answer, Failure, PostProcessRequest
from shared.step import losses, steps

from ..model import TextLine

_PARTS = {
    "incident_detection": "whether it is an incident",
    "rca": "the cause",
    "suggestion": "what to do now",
    "code_analyzer": "the code",
    "solution_generator": "the fix",
}
"""What each step's answer is to the reader."""
_DO = {
    "Rejected": "Report it with the trace id: one step sent another what it cannot read.",
    "Refused": "Check the credential, permission or address the message names; trying again will not help.",
    "Throttled": "Wait, or raise the quota of the service the message names.",
    "Misconfigured": "Set the variable the message names and deploy again.",
    "BadAnswer": "Nothing to do now; if it repeats, choose another model for this step.",
    "Unavailable": "Check that the service the message names is up and reachable.",
    "Uncertain": "Look whether it happened before doing it again.",
    "NotStarted": "Check that Cloud Workflows and workflow_starter work.",
    "ExecutionEnded": "Look at the execution with the trace id as its label `incident_id`.",
    "DeadlineExceeded": "Look where the execution stands, with the trace id as its label `incident_id`.",
}
_UNKNOWN = "Read the logs of Incident CoPilot with the trace id at the end."


def degradations(request: PostProcessRequest) -> list[Failure]:
    """Return why answers are degraded, as failures of the steps that gave them."""
    return [one for step, answer in answers(request) for one in losses.degradations(step, answer.degraded or "")]


def answers(request: PostProcessRequest) -> list[tuple[str, Answer]]:
    """Return the agents' answers that arrived, by the step that gave them."""
    by_step = {row.name: getattr(request, row.field) for row in steps.STEPS if row.field}
    return [(step, answer) for step, answer in by_step.items() if isinstance(answer, Answer)]


def explain(troubles: list[Failure]) -> list[TextLine]:
    """Return what the reader lacks by each trouble, why, and what to do about it; at most twelve in full."""
    blocks: list[TextLine] = []
    together = _each_once(troubles)
    for trouble, affected in together[:12]:
        blocks.append(TextLine(losses.loss(trouble), is_strong=True))
        blocks.append(TextLine(clip(f"Why: {losses.why(trouble) or 'it was not reported'}", 500)))
        blocks.append(TextLine(affected or _DO.get(trouble.error_type, _UNKNOWN)))
    if rest := together[12:]:
        blocks.append(TextLine(clip(f"And also: {lacking(trouble for trouble, _ in rest)}", 500)))
    return blocks


def lacking(troubles: Iterable[Failure]) -> str:
    """Return everything that the reader lacks, each once."""
    return " ".join(dict.fromkeys(map(losses.loss, troubles)))


def _each_once(troubles: list[Failure]) -> list[tuple[Failure, str]]:
    """Return each trouble once, with what was concluded without it; the answers that lacked the same are named."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for trouble in troubles:
        step = "" if trouble.error_type == losses.DEGRADED else trouble.step
        together.setdefault((step, trouble.error_type, trouble.message), []).append(trouble.step)
    return [
        (Failure(step=steps[0], error_type=error_type, message=message), "" if step else _affected(steps))
        for (step, error_type, message), steps in together.items()
    ]


def _affected(steps: list[str]) -> str:
    parts = [_PARTS.get(step, "a part of this") for step in dict.fromkeys(steps)]
    named = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Concluded without it: {named}. What is missing may change that."
