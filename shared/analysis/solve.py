"""From cause and code to what to do: mitigations by rule, and a patch only when one commit explains the failure."""

import re
from dataclasses import dataclass

from shared.analysis.places import is_test
from shared.analysis.revert import Refusal, revert_edits
from shared.code_host.port import CodeReader
from shared.contracts import (
    CodeAnalysis,
    Incident,
    IncidentType,
    Mitigation,
    Patch,
    Solution,
    SolutionRequest,
    StackTrace,
    SuspectCommit,
)

REVERT_SCORE = 0.5
"""A commit below it explains too little to be taken back by a machine."""
REVERT_LEAD = 0.15
"""How far the best must be ahead of the second."""

_MIGRATION = re.compile(r"(^|/)(migrations?|migrate|alembic|flyway|liquibase)/|\.sql$")


@dataclass(frozen=True)
class _Withheld:
    reason: str


def solve(request: SolutionRequest, reader: CodeReader | None) -> Solution:
    """
    Return mitigations, solutions and, where one commit explains the failure, its revert as a patch.

    The patch is made against the head of the base branch; where there is none, `patch_withheld` says why.
    Raises Unavailable, Throttled, Refused (from the reader).
    """
    category, reason = _category(request)
    outcome = _patch(request, reader)
    patch = outcome if isinstance(outcome, Patch) else None
    solutions = _solutions(request, patch)
    mitigations = _mitigations(request, category)
    return Solution(
        incident_category=category,
        category_reason=reason[:1000],
        solutions=solutions[:8],
        mitigations=mitigations[:8],
        patch=patch,
        patch_withheld=outcome.reason[:1000] if isinstance(outcome, _Withheld) else None,
        recommended_solution=(solutions[0] if patch else mitigations[0].action)[:1000],
    )


def _category(request: SolutionRequest) -> tuple[IncidentType, str]:
    incident = request.incident
    suspect = _best(request.code_analysis)
    if incident.incident_type_hint != "unknown":
        return incident.incident_type_hint, incident.reasoning or "Detection classified it so from the evidence."
    if suspect and suspect.score >= REVERT_SCORE:
        return "code_issue", f"Commit {suspect.sha[:12]} explains the failure: {suspect.why}."
    if any(trace.app_frames for trace in incident.stack_traces):
        return "code_issue", f"{_trace_name(incident)} is raised inside the service's own code."
    return "unknown", "Neither telemetry nor code points at one kind of fault."


def _best(analysis: CodeAnalysis | None) -> SuspectCommit | None:
    return analysis.suspect_commits[0] if analysis and analysis.suspect_commits else None


def _patch(request: SolutionRequest, reader: CodeReader | None) -> Patch | _Withheld:
    analysis = request.code_analysis
    if reader is None or analysis is None or not analysis.code_available or not analysis.commit:
        return _Withheld("The repository could not be read, so no change can be proposed.")
    chosen = _single_suspect(request.incident, analysis)
    if isinstance(chosen, _Withheld):
        return chosen
    head = (reader.resolve(analysis.base_branch) if analysis.base_branch else None) or analysis.commit
    edits = revert_edits(reader, chosen.sha, head)
    if isinstance(edits, Refusal):
        return _Withheld(f"Commit {chosen.sha[:12]} is the suspect but cannot be taken back cleanly: {edits.reason}.")
    migration = next((edit.path for edit in edits if _MIGRATION.search(edit.path)), None)
    if migration:
        return _Withheld(f"Commit {chosen.sha[:12]} holds a migration ({migration}); its data would not go back.")
    return Patch(
        strategy="revert",
        reverts=chosen.sha,
        files_to_modify=list(edits),
        test_cases=_test_cases(request.incident, analysis, chosen),
        rollback_plan=_rollback_plan(chosen),
    )


def _single_suspect(incident: Incident, analysis: CodeAnalysis) -> SuspectCommit | _Withheld:
    """Return the one commit that explains the failure, or why none does."""
    ranked = analysis.suspect_commits
    if not ranked:
        return _Withheld("No commit touches the code the evidence points at.")
    best, second = ranked[0], ranked[1].score if len(ranked) > 1 else 0.0
    began = incident.onset or incident.end
    if best.at > began:
        return _Withheld(f"The best suspect {best.sha[:12]} was committed after the failure began.")
    if best.score < REVERT_SCORE:
        return _Withheld(f"The best suspect {best.sha[:12]} explains too little to take back (score {best.score:.2f}).")
    if best.score - second < REVERT_LEAD:
        return _Withheld(
            f"{best.sha[:12]} and {ranked[1].sha[:12]} explain the failure about equally well, so a human must choose."
        )
    return best


def _test_cases(incident: Incident, analysis: CodeAnalysis, suspect: SuspectCommit) -> list[str]:
    cases = []
    for trace in incident.stack_traces[:2]:
        where = analysis.problematic_files[0] if analysis.problematic_files else None
        through = f" through {where.function_name or where.path} ({where.path})" if where else ""
        cases.append(f"The call that led to `{_named(trace)}`{through} succeeds.")
    tests = [path for path in suspect.files if is_test(path)]
    if tests:
        cases.append(f"What {suspect.sha[:12]} tested is taken back with it: {', '.join(tests[:5])}.")
    cases.append("The existing test suite passes on the branch.")
    return cases


def _rollback_plan(suspect: SuspectCommit) -> str:
    return (
        f"Revert the merge of this pull request to bring {suspect.sha[:12]} ({suspect.subject[:120]!r}) back; "
        "it changes files only, so nothing else has to be undone."
    )


def _solutions(request: SolutionRequest, patch: Patch | None) -> list[str]:
    suspect, analysis, causes = _best(request.code_analysis), request.code_analysis, request.root_causes
    found: list[str] = []
    if suspect and patch:
        found.append(f"Take back commit {suspect.sha[:12]} {suspect.subject!r}: {suspect.why}.")
    for place in analysis.problematic_files[:2] if analysis else []:
        where = f"{place.function_name}() in {place.path}" if place.function_name else place.path
        found.append(f"Correct {where}, lines {place.line_start}-{place.line_end}: {place.issue_description}")
    if suspect and not patch:
        found.append(f"Review commit {suspect.sha[:12]} {suspect.subject!r}: {suspect.why}.")
    if causes and causes.most_likely:
        found.append(f"Remove the likely cause: {causes.most_likely}")
    return found or ["Gather the evidence that is missing before anything is changed."]


def _mitigations(request: SolutionRequest, category: IncidentType) -> list[Mitigation]:
    """Return what ends the harm, most promising first."""
    service = request.alert.service_name
    suspect = _best(request.code_analysis)
    if category == "code_issue":
        found = [_rollback(service, suspect, "high")]
    elif category == "config_issue":
        found = [_restore_config(service, request.incident), _rollback(service, suspect, "medium")]
    elif category == "infrastructure_issue":
        found = [_scale(service, request.incident)]
    elif category == "external_dependency":
        found = [_relieve_dependency(service, request.incident)]
    else:
        found = [_rollback(service, suspect, "medium"), _scale(service, request.incident)]
    advised = [
        Mitigation(action=each.description, steps=each.steps, priority=each.priority)
        for each in (request.suggestions.suggestions if request.suggestions else [])
        if each.priority == "high"
    ]
    return found + [each for each in advised if each.action not in {other.action for other in found}]


def _rollback(service: str, suspect: SuspectCommit | None, priority: str) -> Mitigation:
    before = f"a release without {suspect.sha[:12]}" if suspect else "the last release that worked"
    return Mitigation(
        action=f"Roll {service} back to {before}.",
        steps=[
            f"Find the release of {service} deployed before the onset.",
            "Check that no data migration since then forbids going back.",
            f"Deploy it and watch the error rate of {service}.",
        ],
        priority="high" if priority == "high" else "medium",
    )


def _restore_config(service: str, incident: Incident) -> Mitigation:
    since = f" since {incident.onset:%Y-%m-%d %H:%M} UTC" if incident.onset else ""
    return Mitigation(
        action=f"Restore the configuration of {service} that worked.",
        steps=[
            f"Compare the variables, secrets and flags of {service} with those before the onset{since}.",
            "Put back what changed and restart the service.",
        ],
        priority="high",
    )


def _scale(service: str, incident: Incident) -> Mitigation:
    anomalies = incident.error_summary.metric_anomalies
    seen = (
        f" ({anomalies[0].metric} went from {anomalies[0].baseline:g} to {anomalies[0].value:g})" if anomalies else ""
    )
    return Mitigation(
        action=f"Give {service} more of the resource it lacks{seen}.",
        steps=[
            "Compare CPU, memory, connections and disk with their limits.",
            f"Raise the limit or the number of instances of {service}, or move it off the failing node.",
        ],
        priority="high" if anomalies else "medium",
    )


def _relieve_dependency(service: str, incident: Incident) -> Mitigation:
    others = [name for name in incident.affected_services if name != service]
    dependency = others[0] if others else "the dependency that fails"
    return Mitigation(
        action=f"Relieve {service} of {dependency}.",
        steps=[
            f"Check the state of {dependency} and tell its owner.",
            "Shorten timeouts, open the circuit breaker or switch the feature off until it answers again.",
        ],
        priority="high",
    )


def _trace_name(incident: Incident) -> str:
    trace = next(trace for trace in incident.stack_traces if trace.app_frames)
    return f"`{_named(trace)}`"


def _named(trace: StackTrace) -> str:
    return f"{trace.exception_type}: {trace.message}".rstrip(": ")[:200]
