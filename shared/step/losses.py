"""What a failure costs the reader of a brief: failures are named by that, never by the function that failed."""

import re

from shared.channels import CHANNELS
from shared.contracts import Failure
from shared.step import steps

DEGRADED = "degraded"
"""The error type of what an answer had to do without."""
_MEANS = {row.name: row.failure_means for row in (*steps.STEPS, *CHANNELS)} | {
    "execute_pr": "There is no pull request; the branch may exist.",
    "workflow": "The run ended before it could report: this is what was read until then.",
    "workflow_starter": "The run was never started: this is only what the alert says.",
    "on_call": "The schedule was not followed: those of ON_CALL_ENGINEERS got the mail instead.",
    "traces": "The trace of the incident has gaps: tokens, cost and repeats are not certain.",
    "delivery": "This reached nobody but the archive.",
}
_UNKNOWN = "A part of the investigation is missing."
_DETAILS = re.compile(r": | \(|; ")
"""What comes before the details of a message."""
_NEXT = re.compile(r"(?<=[^;]); (?=[A-Z])")
"""Between two sources that an answer had to do without."""


def loss(failure: Failure) -> str:
    """Return what the reader lacks by a failure, in one sentence without its details."""
    if failure.error_type != DEGRADED:
        return _MEANS.get(failure.step, _UNKNOWN)
    lacks = _DETAILS.split(failure.message, maxsplit=1)[0].strip().rstrip(".")
    return f"{lacks}." if lacks else _UNKNOWN


def why(failure: Failure) -> str:
    """Return what was reported of it, without what `loss` says; empty where nothing was."""
    if failure.error_type != DEGRADED:
        return failure.message or failure.error_type
    match = _DETAILS.search(failure.message)
    if match is None:
        return ""
    details = failure.message[match.end() :]
    return re.sub(r"\)(?=\.?$)", "", details, count=1) if match[0] == " (" else details


def degradations(step: str, degraded: str) -> list[Failure]:
    """Return what an answer had to do without, one failure for each source."""
    return [Failure(step=step, error_type=DEGRADED, message=one) for one in _NEXT.split(degraded) if one.strip()]
