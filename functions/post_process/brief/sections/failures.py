"""Says what a failure means for the reader and what to do about it."""

import re

from shared.bounds import clip
from shared.channels import CHANNELS
from shared.contracts import Answer, Failure, PostProcessRequest
from shared.step import steps

from ..model import TextLine

_MEANS = {row.name: row.failure_means for row in (*steps.STEPS, *CHANNELS)} | {
    "execute_pr": "There is no pull request; the branch may exist.",
    "workflow": "The run ended before it could report: this is what was found until then.",
    "workflow_starter": "The run was never started: this is only what the alert says.",
    "on_call": "The schedule was not followed: those of ON_CALL_ENGINEERS got the mail instead.",
    "traces": "The trace of the incident has gaps: tokens, cost and repeats are not certain.",
}
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
    "degraded": "What is missing may change it.",
}
_DETAILS = re.compile(r": | \(|; ")
"""What comes before the details of a message."""
_UNKNOWN = "Read the log of this step with the trace id at the end."


def degradations(request: PostProcessRequest) -> list[Failure]:
    """Return why answers are degraded, as failures of the steps that gave them."""
    return [
        Failure(step=step, error_type="degraded", message=answer.degraded)
        for step, answer in answers(request)
        if answer.degraded
    ]


def answers(request: PostProcessRequest) -> list[tuple[str, Answer]]:
    """Return the agents' answers that arrived, by the step that gave them."""
    by_step = {row.name: getattr(request, row.field) for row in steps.STEPS if row.field}
    return [(step, answer) for step, answer in by_step.items() if isinstance(answer, Answer)]


def explain(troubles: list[Failure]) -> list[TextLine]:
    """Return each trouble with its step, what it means for the reader, and what to do; at most twelve in full."""
    blocks: list[TextLine] = []
    troubles = _each_once(troubles)
    for trouble in troubles[:12]:
        verdict = "had to do without something" if trouble.error_type == "degraded" else "failed"
        blocks.append(TextLine(f"{trouble.step} {verdict}", is_strong=True))
        kind = "" if trouble.error_type in ("", "degraded") else f"{trouble.error_type}: "
        blocks.append(TextLine(clip(f"{kind}{trouble.message or 'no message'}", 500)))
        means = _MEANS.get(trouble.step, "What this step adds is missing here.")
        if trouble.error_type == "degraded":
            means = "Its answer rests on what it could read."
        blocks.append(TextLine(f"{means} {_DO.get(trouble.error_type, _UNKNOWN)}"))
    if rest := troubles[12:]:
        blocks.append(TextLine(clip(f"And also: {', '.join(trouble.step for trouble in rest)}", 500)))
    return blocks


def loss(trouble: Failure) -> str:
    """Return what the reader lacks by a trouble, in one sentence without its details."""
    if trouble.error_type != "degraded":
        return _MEANS.get(trouble.step, f"{trouble.step} failed.")
    lacks = _DETAILS.split(trouble.message, maxsplit=1)[0].strip().rstrip(".")
    return f"{lacks or f'{trouble.step} had to do without something'}."


def _each_once(troubles: list[Failure]) -> list[Failure]:
    """Merge the steps that lacked the same thing into one failure."""
    together: dict[tuple[str, str, str], list[str]] = {}
    for trouble in troubles:
        step = "" if trouble.error_type == "degraded" else trouble.step
        together.setdefault((step, trouble.error_type, trouble.message), []).append(trouble.step)
    return [
        Failure(step=clip(", ".join(dict.fromkeys(steps)), 100), error_type=error_type, message=message)
        for (_, error_type, message), steps in together.items()
    ]
