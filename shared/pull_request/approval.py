"""Whether a pull request waits for a person, and what that person decided; stored with the incident."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.settings import Settings
from shared.traces.port import Decision, PullRequestRecord, TraceStore

Mode = Literal["off", "draft", "ready", "approval"]


class PullRequestMode(Settings):
    """How far the system goes without a person."""

    pr_mode: Mode = Field(
        "draft",
        description="off: no pull request; draft, ready: opened as such; approval: a draft, when approved.",
    )


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


def decide(store: TraceStore, incident_id: str, decision: Decision, until: datetime) -> Decision:
    """
    Record a decision and return the one in force: of two at the same time, the first.

    `until` is when the record may be deleted. Raises Unavailable, Refused.
    """
    lease = store.claim(_key(incident_id), decision, until)
    return "approve" if lease.holder == "approve" else "decline"


def is_approved(store: TraceStore, incident_id: str) -> bool:
    """Return whether a person approved, as the store says; a request is never trusted. Raises Unavailable, Refused."""
    record = store.incident(incident_id)
    pull_request = record.pull_request if record else None
    return pull_request is not None and pull_request.decision == "approve"


def _key(incident_id: str) -> str:
    return f"approval:{incident_id}"
