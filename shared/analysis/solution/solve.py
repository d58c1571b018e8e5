"""From cause and code to a solution: mitigations by rule, and a patch only when one commit explains the failure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.analysis import grounds
from shared.analysis.advice.templates import BUILT_IN, AdviceTemplate
from shared.analysis.code.paths import deepest_own, is_test
from shared.analysis.faults.leading import is_background
from shared.analysis.solution.mitigate import REVERT_SCORE, best_suspect, mitigations
from shared.analysis.solution.removed_names import still_used
from shared.analysis.solution.revert import Refusal, revert_edits
from shared.analysis.thresholds import ALTERNATIVE, WORTH_FOLLOWING
from shared.bounds import clip
from shared.code_host.port import CodeReader, Commit
from shared.contracts import (
    CodeAnalysis,
    Incident,
    IncidentType,
    Patch,
    Solution,
    SolutionRequest,
    StackTrace,
    SuspectCommit,
)
from shared.http.parallel import Parallel

REVERT_SURE = 0.8
"""How likely a commit must be the culprit: chosen on 21 known ones, where 15 suspects had this and 14 were it."""
SUITE = "The existing test suite passes on the branch."

_MIGRATION = re.compile(r"(^|/)(migrations?|migrate|alembic|flyway|liquibase)/|\.sql$")


@dataclass(frozen=True)
class _Withheld:
    reason: str


def solve(
    request: SolutionRequest, reader: CodeReader | None, templates: Sequence[AdviceTemplate] = BUILT_IN
) -> Solution:
    """
    Return mitigations, solutions and, where one commit explains the failure, its revert as a patch.

    `templates` give the mitigations their commands. The patch is made against the head of the base branch; where there
    is none, `patch_withheld` says why. Raises Unavailable, Throttled, Refused (from the reader).
    """
    category, reason = _category(request)
    outcome = _patch(request, reader)
    patch = outcome if isinstance(outcome, Patch) else None
    measures = mitigations(request, category, (patch.reverts or "") if patch else "", templates)
    return Solution(
        incident_category=category,
        category_reason=reason,
        solutions=_solutions(request, patch),
        mitigations=measures,
        patch=patch,
        patch_withheld=outcome.reason if isinstance(outcome, _Withheld) else None,
        # The exact revert of the culprit ends the cause too.
        recommended_solution=next(
            (one.action for one in measures if one.advice_id == "revert_commit"), measures[0].action
        ),
    )


def _category(request: SolutionRequest) -> tuple[IncidentType, str]:
    incident = request.incident
    suspect = best_suspect(request.code_analysis)
    if incident.incident_type_hint != "unknown":
        return incident.incident_type_hint, incident.reasoning or "Detection classified it so from the evidence."
    if suspect and suspect.score >= REVERT_SCORE:
        return "code_issue", f"Commit {suspect.sha[:12]} explains the failure: {suspect.why}."
    if any(trace.app_frames for trace in incident.stack_traces):
        return "code_issue", f"{_trace_name(incident)} is raised inside the service's own code."
    return "unknown", "Neither telemetry nor code points at one kind of fault."


def _patch(request: SolutionRequest, reader: CodeReader | None) -> Patch | _Withheld:
    analysis = request.code_analysis
    if analysis is None:
        return _Withheld(_why_unread(request.incident))
    if not analysis.code_available or not analysis.commit or reader is None:
        if not analysis.degraded:
            return _Withheld(" ".join(["The code was not read.", *analysis.hints[:1]]))
        return _Withheld(f"No change can be proposed. {analysis.degraded}")
    chosen = _single_suspect(request.incident, analysis)
    if isinstance(chosen, _Withheld):
        return chosen
    if grounds.is_doubtful(request.incident, analysis) and not request.incident.failure_signals:
        return _Withheld(f"{grounds.DOUBTFUL} {request.incident.would_confirm}".rstrip())
    with Parallel() as calls:
        resolved = calls.start(reader.resolve, analysis.base_branch) if analysis.base_branch else None
        culprit = calls.start(reader.commit, chosen.sha)
        head = (resolved.result() if resolved else None) or analysis.commit
    return _revert(request.incident, analysis, chosen, reader, culprit.result(), head)


def _revert(
    incident: Incident, analysis: CodeAnalysis, chosen: SuspectCommit, reader: CodeReader, culprit: Commit, head: str
) -> Patch | _Withheld:
    """Return the revert of a commit, or what speaks against one that code alone makes."""
    edits = revert_edits(reader, chosen.sha, head, culprit)
    if isinstance(edits, Refusal):
        return _Withheld(f"Commit {chosen.sha[:12]} is the suspect but cannot be reverted cleanly: {edits.reason}.")
    migration = next((edit.path for edit in edits if _MIGRATION.search(edit.path)), None)
    if migration:
        return _Withheld(f"Commit {chosen.sha[:12]} holds a migration ({migration}); its data would not go back.")
    if use := still_used(reader, edits, head):
        why = f"its revert takes {use.name!r} away, which {use.path!r} uses"
        return _Withheld(f"Commit {chosen.sha[:12]} is the suspect, but {why}.")
    return Patch(
        strategy="revert",
        reverts=chosen.sha,
        files_to_modify=list(edits),
        test_cases=[*test_cases(incident, analysis), *_tests_reverted(chosen), SUITE],
        rollback_plan=_rollback_plan(chosen),
    )


def _why_unread(incident: Incident) -> str:
    """Distinguish what was not requested from what failed: code is read only where the evidence leads to it."""
    if incident.looks_like_regression:
        return "The code was to be read, but no analysis of it arrived, so no change can be proposed."
    if incident.lines_read == 0:
        return "The code was not read: without log lines, nothing leads to a place in it."
    return "The code was not read: no fault is certain, or its stack traces are of libraries and came before it too."


def _single_suspect(incident: Incident, analysis: CodeAnalysis) -> SuspectCommit | _Withheld:
    """Return the one commit that explains the failure, or why none does."""
    ranked = analysis.suspect_commits
    if not ranked:
        return _Withheld("No commit touches the code the evidence points at.")
    if not analysis.problematic_files:
        return _Withheld(f"Nothing leads to a place in the code, so only its time speaks against {ranked[0].sha[:12]}.")
    best, second = ranked[0], ranked[1].score if len(ranked) > 1 else 0.0
    began = incident.onset or incident.end
    if best.at > began:
        return _Withheld(f"The best suspect {best.sha[:12]} was committed after the failure began.")
    if best.score < REVERT_SURE and second >= ALTERNATIVE:
        return _Withheld(
            f"{best.sha[:12]} (score {best.score:.2f}) and {ranked[1].sha[:12]} (score {second:.2f}) may both explain "
            "the failure, so a human must choose."
        )
    if best.score < REVERT_SURE:
        why = f"score {best.score:.2f}, of which {REVERT_SURE:.2f} is needed"
        return _Withheld(f"The best suspect {best.sha[:12]} explains too little to revert ({why}).")
    return best


def test_cases(incident: Incident, analysis: CodeAnalysis) -> list[str]:
    """Return what a test of a change must show: the calls that failed succeed."""
    explaining = [trace for trace in incident.stack_traces if not is_background(incident, trace)]
    return [f"The call that led to `{_named(trace)}`{_through(trace, analysis)} succeeds." for trace in explaining[:2]]


def _tests_reverted(suspect: SuspectCommit) -> list[str]:
    tests = [path for path in suspect.files if is_test(path)]
    return [f"What {suspect.sha[:12]} tested is reverted with it: {', '.join(tests[:5])}."] if tests else []


def _through(trace: StackTrace, analysis: CodeAnalysis) -> str:
    """Name the place this trace leads to; the place of another trace would mislead the reader."""
    place = next((one for one in analysis.problematic_files if trace.evidence_id in one.evidence_ids), None)
    if place is not None:
        return f" through {place.function_name or place.path} ({place.path})"
    own = deepest_own(trace.frames)
    return f" through {own.function or own.path} ({own.path})" if own else ""


def _rollback_plan(suspect: SuspectCommit) -> str:
    return (
        f"Revert the merge of this pull request to bring {suspect.sha[:12]} ({clip(suspect.subject, 120)!r}) back; "
        "it changes files only, so nothing else has to be undone."
    )


def _solutions(request: SolutionRequest, patch: Patch | None) -> list[str]:
    """Return what would end the cause; a model's words are prose, and no part of it."""
    suspect, analysis, causes = best_suspect(request.code_analysis), request.code_analysis, request.root_causes
    solutions: list[str] = []
    if suspect and patch:
        solutions.append(f"Revert commit {suspect.sha[:12]} {suspect.subject!r}: {suspect.why}.")
    for place in analysis.problematic_files[:2] if analysis else []:
        where = f"{place.function_name}() in {place.path}" if place.function_name else place.path
        issue = f": {place.issue_description}" if analysis and analysis.is_by_code else "."
        solutions.append(f"Correct {where}, lines {place.line_start}-{place.line_end}{issue}")
    if suspect and not patch and suspect.score >= WORTH_FOLLOWING:
        solutions.append(f"Look at commit {suspect.sha[:12]} {suspect.subject!r}: {suspect.why}.")
    if causes and causes.most_likely and causes.is_by_code:
        solutions.append(f"Remove the likely cause: {causes.most_likely}")
    return solutions or ["Gather the evidence that is missing before anything is changed."]


def _trace_name(incident: Incident) -> str:
    trace = next(trace for trace in incident.stack_traces if trace.app_frames)
    return f"`{_named(trace)}`"


def _named(trace: StackTrace) -> str:
    return f"{trace.exception_type}: {trace.message}".rstrip(": ")[:200]
