"""From a code to a decision: the code opens the page, the page's form decides, the first decision counts."""

from dataclasses import dataclass, replace
from datetime import timedelta

from shared import clock, log
from shared.errors import Rejected
from shared.links import LinkSettings
from shared.pull_request import approval
from shared.pull_request.approval import Waiting
from shared.pull_request.signing import ApprovalSettings
from shared.traces.port import TraceStore
from shared.traces.pull_request_record import Decision, PullRequestRecord, PullRequestState

from .approval_page import page, review

FORM_LIFE = timedelta(minutes=30)
MAX_NAME = 80
DECISION_TTL = timedelta(days=90)
UNNAMED = "a person whose name was not recorded"
"""Who decided first, where the store failed before it had the name."""
_DECIDED = ("approved", "declined")


@dataclass(frozen=True)
class Visit:
    """One opening of a valid link, and what there is to see."""

    incident_id: str
    pull_request: PullRequestRecord
    diff: str
    confirm: str = ""

    @property
    def waiting(self) -> Waiting | None:
        """What waits for approval, or None when approval was never requested."""
        return approval.waiting_of(self.pull_request)

    def page(self) -> str:
        """Return the page: the patch with its form, or what was decided."""
        waiting = self.waiting
        if waiting is None or not is_open(self.pull_request):
            return ended(self.pull_request)
        return review(self.incident_id, waiting, self.diff, self.confirm)


@dataclass(frozen=True)
class ApprovalService:
    """Opens links and takes decisions."""

    settings: ApprovalSettings
    store: TraceStore

    def open(self, incident_id: str, code: str) -> Visit:
        """Return the visit for a code. Raises Rejected (not the incident's code, or expired), Unavailable, Refused."""
        pull_request = self._pull_request(incident_id)
        # The time stays with the record after the decision, so that a person can come back.
        until = pull_request.approve_until if pull_request else None
        self.settings.check_code(incident_id, until or clock.now(), code)
        return self._visit(incident_id, pull_request)

    def reopen(self, confirm: str) -> Visit:
        """Return the visit whose page holds the form. Raises Rejected (not our form, or expired) and as `open` does."""
        # Not believed before it is verified: what the form is about is read to verify it.
        named = confirm.partition(".")[0]
        visit = self._visit(named, self._pull_request(named))
        self.settings.verify("confirm on the page", confirm, shown_hash(visit))
        return visit

    def _pull_request(self, incident_id: str) -> PullRequestRecord | None:
        record = self.store.incident(incident_id)
        return record.pull_request if record else None

    def _visit(self, incident_id: str, pull_request: PullRequestRecord | None) -> Visit:
        if pull_request is None:
            raise Rejected("There is nothing to approve for this incident")
        diff = self.store.text(pull_request.diff_ref) if pull_request.diff_ref else None
        visit = Visit(incident_id, pull_request, diff or "")
        confirm = self.settings.sign("confirm on the page", incident_id, clock.now() + FORM_LIFE, shown_hash(visit))
        return replace(visit, confirm=confirm)

    def decide(self, visit: Visit, confirm: str, decision: str, by: str) -> str:
        """
        Record the decision, who took it and on which change, and resume the workflow; return the page that says so.

        The decision is stored before the workflow is resumed, so that a form sent again after a failure resumes it.
        Raises Rejected (not from our page, or it showed another change; no name, nothing waits), Refused (the workflow
        has ended), Unavailable, Uncertain.
        """
        about = shown_hash(visit)
        if self.settings.verify("confirm on the page", confirm, about) != visit.incident_id:
            raise Rejected("The form belongs to another page; open the page again")
        if decision not in ("approve", "decline"):
            raise Rejected("The form says neither approve nor decline")
        name = " ".join(by.split())
        if not 2 <= len(name) <= MAX_NAME:
            raise Rejected(f"Who decides? The form needs a name of 2 to {MAX_NAME} characters")
        waiting = visit.waiting
        if waiting is None or not is_open(visit.pull_request):
            return ended(visit.pull_request)
        wish: Decision = "approve" if decision == "approve" else "decline"
        final = approval.decide(self.store, visit.incident_id, wish, about, clock.now() + DECISION_TTL)
        record = self.store.incident(visit.incident_id)
        signed = (record.pull_request if record else None) or visit.pull_request
        if signed.decision != final:
            # Else another person decided first, or the form is sent again: the first name stays.
            name = name if final == wish else UNNAMED
            signed = approval.signed(visit.incident_id, visit.pull_request, final, name, visit.diff)
        decided = signed.replace(state="approved" if final == "approve" else "declined")
        self.store.set_pull_request(visit.incident_id, decided)
        # Only here: its libraries are slow to load, and most visits only read.
        from .workflow_callback import wake

        wake(waiting.callback_url, final)
        self._record_woken(visit.incident_id, decided)
        log.info("pr_approval.decided", incident_id=visit.incident_id, decision=final, by=decided.decided_by)
        return ended(decided)

    def _record_woken(self, incident_id: str, decided: PullRequestRecord) -> None:
        record = self.store.incident(incident_id)
        # The workflow may have continued and recorded what it opened.
        if record and record.pull_request == decided:
            self.store.set_pull_request(incident_id, decided.replace(is_woken=True))


def shown_hash(visit: Visit) -> str:
    """Return what a form is about: what its page shows may be replaced in the store before the form is sent."""
    target = [visit.pull_request.repo or "", visit.pull_request.base_branch or ""]
    return approval.hash_of("\0".join([*target, visit.diff]))


def is_open(pull_request: PullRequestRecord) -> bool:
    """Return whether the form still has an effect: no decision yet, or one that did not reach the workflow."""
    is_unheard = pull_request.state in _DECIDED and not pull_request.is_woken
    return pull_request.state == "awaiting_approval" or is_unheard


def ended(pull_request: PullRequestRecord) -> str:
    """Return the page for what needs no decision any more."""
    words: dict[PullRequestState, str] = {
        "approved": "The pull request is approved and being opened; reload this page to find its link.",
        "declined": "The pull request is declined; nothing is written.",
        "not_opened": f"The pull request was approved and not opened: {pull_request.reason or 'see the mail'}",
        "open": "The pull request is open.",
        "merged": "The pull request is merged.",
        "closed": "The pull request is closed.",
    }
    text = words.get(pull_request.state, "Nothing is waiting here.")
    # The record may have been written by any function's account.
    url = pull_request.url or ""
    return page(pull_request.title or "Pull request", text, link=url if LinkSettings.from_env().is_own(url) else "")
