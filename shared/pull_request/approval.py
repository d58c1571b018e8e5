"""Whether a pull request waits for a person, and what that person decided; stored with the incident."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared import signatures
from shared.errors import Refused
from shared.redaction import redact
from shared.settings import Settings
from shared.traces.port import TraceStore
from shared.traces.pull_request_record import Decision, PullRequestRecord

Mode = Literal["off", "draft", "ready", "approval"]


class PullRequestMode(Settings):
    """How far the system goes without a person."""

    pr_mode: Mode = Field(
        "draft",
        description="off: no pull request; draft, ready: opened as such; approval: a draft, when approved.",
    )


class ApprovalHours(Settings):
    """How long a person has for the decision."""

    approval_hours: int = Field(12, ge=1, le=168, description="How long a link can be used, in hours.")


def mode() -> Mode:
    """Return how far the system goes without a person. Raises Misconfigured."""
    return PullRequestMode.from_env().pr_mode


@dataclass(frozen=True)
class Waiting:
    """A checked patch that waits for a person: what the page shows, and the callback that resumes the workflow."""

    title: str
    body: str
    repo: str
    branch: str
    base_branch: str
    base_commit: str
    diff_ref: str
    callback_url: str
    approve_until: datetime


def ask(store: TraceStore, incident_id: str, waiting: Waiting) -> None:
    """Record that the incident's patch waits for approval. Raises Unavailable, Refused (no such incident)."""
    store.set_pull_request(incident_id, PullRequestRecord(state="awaiting_approval", **asdict(waiting)))


def waiting_of(record: PullRequestRecord) -> Waiting | None:
    """Return what `ask` recorded, or None when approval was never requested."""
    if record.callback_url is None or record.approve_until is None or record.branch is None or record.diff_ref is None:
        return None
    return Waiting(
        title=record.title,
        body=record.body,
        repo=record.repo or "",
        branch=record.branch,
        base_branch=record.base_branch or "",
        base_commit=record.base_commit or "",
        diff_ref=record.diff_ref,
        callback_url=record.callback_url,
        approve_until=record.approve_until,
    )


def decide(store: TraceStore, incident_id: str, decision: Decision, shown_hash: str, until: datetime) -> Decision:
    """
    Record a decision and return the one in force: of two at the same time about what one page showed, the first.

    `until` is when the record may be deleted. Raises Unavailable, Refused.
    """
    lease = store.claim(f"approval:{incident_id}:{shown_hash}", decision, until)
    return "approve" if lease.holder == "approve" else "decline"


AUTHOR = "pr_approval"
_SUBJECT = "the approval"


def reviewable(diff: str) -> str:
    """
    Return the change as a person sees it and the store keeps it: without secrets, and bound to what they were.

    Lines around a change may hold a secret that the file had before.
    """
    text = redact(diff)
    return diff if text == diff else f"{text}\n# Parts are redacted. SHA-256 of the whole change: {hash_of(diff)}"


def hash_of(diff: str) -> str:
    """Return by what a decision names the change it is about."""
    return hashlib.sha256(diff.encode("utf-8", "surrogatepass")).hexdigest()


def signed(incident_id: str, record: PullRequestRecord, decision: Decision, by: str, diff: str) -> PullRequestRecord:
    """Return the record with the decision on this change, signed by pr_approval, which alone has its key."""
    decided = record.replace(decision=decision, decided_by=by, diff_sha256=hash_of(diff))
    return decided.replace(approval_signature=signatures.sign(AUTHOR, incident_id, _SUBJECT, _body(decided)))


def is_approved(store: TraceStore, incident_id: str, diff: str) -> bool:
    """
    Return whether a person approved this very change.

    A request is never trusted, and neither is what another function's account wrote into the store.
    Raises Unavailable, Refused (an approval that pr_approval did not sign, or of another change).
    """
    record = store.incident(incident_id)
    pull_request = record.pull_request if record else None
    if pull_request is None or pull_request.decision != "approve":
        return False
    signatures.check(AUTHOR, incident_id, _SUBJECT, _body(pull_request), pull_request.approval_signature)
    if pull_request.diff_sha256 != hash_of(reviewable(diff)):
        raise Refused(
            "The change is not the one that was approved: the base branch changed in between, or the patch did"
        )
    return True


def _body(record: PullRequestRecord) -> dict[str, object]:
    return {"decision": record.decision, "by": record.decided_by, "diff_sha256": record.diff_sha256}
