"""What became of an accepted alert: published or lost, by each channel once, and whether what people read is true."""

import email
import email.policy
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.chaos.cases import Case
from shared.contracts import Outcome
from shared.step.steps import BY_NAME, POST_PROCESS
from shared.traces.entries import TraceDocument
from shared.traces.port import TraceStore

SUBJECT_OF = {"loki": "loki", "prometheus": "prometheus", "github": "github", "gemini": "gemini", "hook": "hook"}
"""The word by which a brief names the dependency that failed."""
HARMLESS = {"hook": ("slow", "garbage", "empty", "half")}
"""Faults that no brief need name: the hook's status alone is its receipt."""
_TAKEN = {"mail": ("sent", "already_sent"), "hook": ("called", "already_called")}


@dataclass(frozen=True)
class Sent:
    """What the channels and the code host hold of one incident."""

    mails: list[str] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    early: Counter[str] = field(default_factory=Counter)
    """How many early briefs came, by channel; what came with them is no statement of the brief."""

    @property
    def words(self) -> str:
        """Everything that people read, in lower case."""
        return "\n".join([*self.mails, *(json.dumps(call) for call in self.calls)]).lower()


@dataclass(frozen=True)
class Verdict:
    """The account of one incident; `wrong` are statements that are not true, `doubled` what came more than once."""

    incident_id: str
    kind: str
    is_lost: bool
    doubled: list[str]
    repeated: list[str]
    """What came again under the same key, because nobody had given a receipt for it."""
    wrong: list[str]


def sent(folder: Path, pulls: Sequence[dict[str, Any]]) -> dict[str, Sent]:
    """Return what each incident's people got, by its id."""
    by_incident: dict[str, Sent] = {}
    for path in (folder / "mail").glob("*.eml"):
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        part = mail.get_body(("plain",))
        incident_id, _, message = str(mail["Message-ID"]).strip("<>").partition(".")
        if message.startswith("early@"):
            by_incident.setdefault(incident_id, Sent()).early["early mail"] += 1
            continue
        by_incident.setdefault(incident_id, Sent()).mails.append(
            f"{mail['Subject']}\n{part.get_content() if part else ''}"
        )
    for path in (folder / "hook").glob("*.json"):
        body = json.loads(path.read_text(encoding="utf-8"))["body"]
        got = by_incident.setdefault(str(body.get("incident_id")), Sent())
        if body.get("kind") == "early":
            got.early["early hook"] += 1
        else:
            got.calls.append(body)
    for pull in pulls:
        branch = str(pull.get("head_ref") or pull.get("head") or pull.get("branch"))
        by_incident.setdefault(branch.rpartition("/")[2], Sent()).pulls.append(pull)
    return by_incident


def judge(store: TraceStore, incident_id: str, case: Case, got: Sent) -> Verdict:
    """Return the account of one incident. Raises what the store raises."""
    trace = store.document(incident_id)
    outcome = _outcome(trace)
    if trace is None or outcome is None:
        return Verdict(incident_id, "none", True, [], [], [])
    counts = got.early + Counter(mail=len(got.mails), hook=len(got.calls), pull_request=len(got.pulls))
    again = [f"{count} of {name}" for name, count in counts.items() if count > 1]
    was_undelivered = _was_undelivered(trace)
    is_lost = trace["state"] != "closed" or not reached_somebody(store, outcome)
    doubled, repeated = ([], again) if was_undelivered and counts["pull_request"] <= 1 else (again, [])
    return Verdict(incident_id, outcome.kind, is_lost, doubled, repeated, _wrong(trace, outcome, case, got))


def _outcome(trace: TraceDocument | None) -> Outcome | None:
    return Outcome.model_validate(trace["outcome"]) if trace and trace["outcome"] else None


def _was_undelivered(trace: TraceDocument) -> bool:
    answers = [run["agent_response"] or {} for run in trace["traces"].get("PostProcessAgent", [])]
    return any(answer.get("kind") == "undelivered" for answer in answers)


def reached_somebody(store: TraceStore, outcome: Outcome) -> bool:
    """Return whether the outcome has a receipt, its own or that of the incident it belongs to."""
    if outcome.merged_into is None:
        return bool(outcome.delivered_by)
    other = _outcome(store.document(outcome.merged_into))
    return other is not None and reached_somebody(store, other)


def _wrong(trace: TraceDocument, outcome: Outcome, case: Case, got: Sent) -> list[str]:
    return [
        *_wrong_of_channels(outcome, got),
        *_wrong_of_code(trace, outcome, got),
        *_unnamed(trace, outcome, case, got),
    ]


def _wrong_of_channels(outcome: Outcome, got: Sent) -> list[str]:
    wrong = []
    uncertain = {failure.step for failure in outcome.failures if failure.error_type == "Uncertain"}
    for name, status, count in (
        ("mail", outcome.mail_status, len(got.mails)),
        ("hook", outcome.hook_status, len(got.calls)),
    ):
        if status in _TAKEN[name] and not count:
            wrong.append(f"{name} is {status}, and nothing arrived")
        if status == "failed" and count and name not in uncertain:
            wrong.append(f"{name} failed for certain, and {count} arrived")
    return wrong


def _wrong_of_code(trace: TraceDocument, outcome: Outcome, got: Sent) -> list[str]:
    named = {failure.step for failure in outcome.failures}
    links = any(call.get("pr_url") for call in got.calls) or any("/pull/" in mail for mail in got.mails)
    wrong = ["dismissed, and the service fails"] if outcome.kind == "dismissed" else []
    if got.pulls and not links and not named & {"pr_creator", "file_updater", "workflow", "execute_pr", "post_process"}:
        wrong.append("a pull request is open, and the brief says that there is none")
    answers = [run["agent_response"] or {} for run in trace["traces"].get("PRCreatorAgent", [])]
    # One that exists already is another incident's, on the same files.
    if links and not got.pulls and not any(answer.get("status") == "exists" for answer in answers):
        wrong.append("the brief links a pull request that does not exist")
    return wrong


def _unnamed(trace: TraceDocument, outcome: Outcome, case: Case, got: Sent) -> list[str]:
    """Return the steps and dependencies that failed until the brief, and of which it says nothing."""
    named = {failure.step for failure in outcome.failures}
    wrong = []
    for fault in case.faults:
        if not fault.hits or fault.times is not None or fault.kind in HARMLESS.get(fault.where, ("slow", "late")):
            continue
        is_unanswered = fault.where in BY_NAME and not trace["traces"].get(BY_NAME[fault.where].agent)
        if is_unanswered and not named & {fault.where, "workflow", "post_process"}:
            wrong.append(f"{fault.where} gave no answer, and the brief does not say so")
        # A hook that took the brief at a later attempt did not fail.
        is_mended = fault.where == "hook" and outcome.hook_status != "failed"
        # A step that was ended by its timeout, or came too late, says no more; the brief names it or the workflow.
        is_ended = bool(named & {*BY_NAME, "workflow"}) and (fault.kind == "hang" or _has_late_step(trace, outcome))
        word = "" if fault.method or is_mended or is_ended else SUBJECT_OF.get(fault.where, "")
        if word not in got.words:
            wrong.append(f"{fault.where} was struck by {fault.kind}, and nothing names it")
    return wrong


def _has_late_step(trace: TraceDocument, outcome: Outcome) -> bool:
    """Return whether a step was ended by a timeout, or answered only once the brief was being made."""
    if any("Timeout" in failure.error_type for failure in outcome.failures):
        return True
    briefs = [run["runStart"] for run in trace["traces"].get(POST_PROCESS.agent, [])]
    others = [run for agent, runs in trace["traces"].items() if agent != POST_PROCESS.agent for run in runs]
    return bool(briefs) and any(run["runEnd"] > min(briefs) for run in others)
