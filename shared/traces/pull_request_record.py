"""What a trace holds of an incident's pull request."""

from typing import Annotated, Literal

from pydantic import Field

from shared.bounds import AtMost, Contract, Keep, Line, Name, Ref, Sentence, Url
from shared.contracts import AwareUtc

PullRequestState = Literal["awaiting_approval", "approved", "declined", "not_opened", "open", "closed", "merged"]
Decision = Literal["approve", "decline"]


class PullRequestRecord(Contract):
    """The last known state of an incident's pull request, and what waits for a person until it is decided."""

    state: PullRequestState
    repo: Ref | None = None
    branch: Ref | None = None
    title: Line = ""
    number: int | None = None
    url: Url | None = None
    is_draft: bool | None = None
    checks: Literal["", "passed", "failed"] = Field("", description="How its checks ended; empty until one has.")
    checks_failed: Annotated[list[Name], Keep(10)] = Field(
        default_factory=list, description="Who made the checks that failed."
    )
    by: Name = Field("", description="Who changed it last, at the code host.")
    updated_at: AwareUtc | None = Field(None, description="When the code host changed it last.")
    closed_at: AwareUtc | None = None
    merged_at: AwareUtc | None = None
    merge_commit: Ref | None = None
    decision: Decision | None = Field(None, description="What a person decided; None without an approval.")
    decided_by: Name = Field("", description="Who decided, by the name given on the approval page.")
    diff_sha256: Annotated[str, Field(max_length=64)] = Field(
        "", description="The change that was shown and decided on."
    )
    approval_signature: Annotated[str, Field(max_length=200)] = Field("", description="pr_approval's, of the decision.")
    is_woken: bool = Field(False, description="The workflow has received the decision.")
    reason: Sentence = Field("", description="Why an approved pull request was not opened.")
    body: Annotated[str, AtMost(65_536)] = Field("", description="Its text, while it waits.")
    base_branch: Ref | None = None
    base_commit: Ref | None = None
    diff_ref: Annotated[str | None, Field(max_length=300)] = None
    callback_url: Annotated[str | None, Field(max_length=1000)] = None
    approve_until: AwareUtc | None = None
