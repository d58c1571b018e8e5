"""Compares the agents' answers with a scenario's expected result: one verdict per expectation."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from infra.evals import telemetry
from infra.evals.run_scenario import Played
from infra.evals.scenario import EvalScenario, Onset, PatchWanted


@dataclass(frozen=True)
class Verdict:
    """One expectation, and what the answers held instead when it failed."""

    wanted: str
    passed: bool
    got: str = ""


@dataclass(frozen=True)
class Grounding:
    """How many claims were made, and how many of them have quotes that are verbatim in the evidence they cite."""

    claims: int = 0
    grounded: int = 0


def judge(scenario: EvalScenario, played: Played) -> list[Verdict]:
    """Return a verdict on every expectation of the scenario."""
    return [*_detection(scenario, played), *_words(scenario, played), *_code(scenario, played)]


def grounding(played: Played) -> Grounding:
    """Return how many of the answers' claims have evidence."""
    texts = {each.id: each.text for each in played.incident.evidence}
    causes = played.root_causes.root_causes if played.root_causes else []
    checks = [
        bool(cause.evidence_ids)
        and set(cause.evidence_ids) <= set(texts)
        and all(quote.text in texts.get(quote.evidence_id, "") for quote in cause.quotes)
        for cause in causes
    ]
    if played.code:
        known_ids = set(texts) | {each.id for each in played.code.evidence}
        checks += [set(file.evidence_ids) <= known_ids for file in played.code.problematic_files]
    cited = [each.evidence_id for each in played.incident.stack_traces]
    cited += [each.evidence_id for each in played.incident.patterns]
    checks += [id_ in texts for id_ in cited if id_]
    return Grounding(len(checks), sum(checks))


def fingerprint(played: Played) -> str:
    """Return what must be the same each time an incident is analysed."""
    incident, code, solution = played.incident, played.code, played.solution
    file = code.problematic_files[0].path if code and code.problematic_files else None
    commit = code.suspect_commits[0].sha if code and code.suspect_commits else None
    patch = solution.patch.strategy if solution and solution.patch else None
    return json.dumps([incident.needs_response, incident.incident_type_hint, file, commit, patch])


def _detection(scenario: EvalScenario, played: Played) -> Iterator[Verdict]:
    wanted, incident = scenario.wanted, played.incident
    outcome = "proceed" if incident.needs_response else "dismiss"
    yield Verdict(f"outcome {wanted.outcome}", outcome == wanted.outcome, f"{outcome}: {incident.reasoning[:200]}")
    if wanted.types:
        hint = incident.incident_type_hint
        yield Verdict(f"type {' or '.join(wanted.types)}", hint in wanted.types, f"{hint}: {incident.reasoning[:200]}")
    if wanted.severities:
        yield Verdict(
            f"severity {' or '.join(wanted.severities)}", incident.severity in wanted.severities, incident.severity
        )
    if wanted.onset:
        yield _onset(wanted.onset, scenario, played)
    texts = [each.text for each in incident.evidence]
    for text in wanted.evidence:
        yield Verdict(f"evidence {text!r}", any(text in each for each in texts), f"{len(texts)} others")
    for text in wanted.no_evidence:
        yield Verdict(f"no evidence {text!r}", not any(text in each for each in texts), "it is there")


def _onset(wanted: Onset, scenario: EvalScenario, played: Played) -> Verdict:
    truth, onset = telemetry.moment(scenario, wanted.minute), played.incident.onset
    is_near = onset is not None and abs(onset - truth) <= timedelta(seconds=wanted.within_s)
    got = f"minute {(onset - telemetry.start(scenario)).total_seconds() / 60:.1f}" if onset else "none"
    return Verdict(f"onset at minute {wanted.minute:g} ± {wanted.within_s:g} s", is_near, got)


def _words(scenario: EvalScenario, played: Played) -> Iterator[Verdict]:
    wanted = scenario.wanted
    cause = _cause(played)
    for pattern in wanted.mentions:
        yield Verdict(f"cause mentions {pattern!r}", _has(pattern, cause), cause[:300])
    advice = played.suggestions.model_dump_json() if played.suggestions else ""
    advice += played.solution.model_dump_json(include={"mitigations", "solutions"}) if played.solution else ""
    for pattern in wanted.advises:
        yield Verdict(f"advises {pattern!r}", _has(pattern, advice), advice[:300])
    # Symptoms may quote what a log line says; conclusions may not repeat it.
    concluded = "\n".join([*_conclusions(played), advice])
    for pattern in wanted.never:
        yield Verdict(f"never {pattern!r}", not _has(pattern, concluded), concluded[:300])
    whole = "\n".join(answer.model_dump_json() for answer in played.answers)
    for secret in wanted.secrets:
        yield Verdict("no secret in any answer", secret not in whole, "there is one")


def _cause(played: Played) -> str:
    """Return everything the answers say about the cause: symptoms, hypotheses, code analysis, judgement."""
    why = [*played.incident.initial_symptoms, played.incident.reasoning]
    why += [played.solution.category_reason] if played.solution else []
    return "\n".join([*why, *_conclusions(played)])


def _conclusions(played: Played) -> list[str]:
    causes, code, solution = played.root_causes, played.code, played.solution
    parts = [causes.most_likely, *(cause.hypothesis for cause in causes.root_causes)] if causes else []
    parts += [*(component for cause in causes.root_causes for component in cause.affected_components)] if causes else []
    parts += [code.analysis_summary] if code else []
    parts += [solution.recommended_solution] if solution else []
    return parts


def _code(scenario: EvalScenario, played: Played) -> Iterator[Verdict]:
    wanted, code = scenario.wanted, played.code
    if wanted.file:
        file = code.problematic_files[0].path if code and code.problematic_files else "none"
        yield Verdict(f"file {wanted.file}", file == wanted.file, file)
    if wanted.commit:
        sha = code.suspect_commits[0].sha if code and code.suspect_commits else "none"
        number = played.commits.index(sha) + 1 if sha in played.commits else sha
        yield Verdict(f"commit {wanted.commit}", number == wanted.commit, str(number))
    if wanted.patch is not None:
        yield _patch(wanted.patch, played)


def _patch(wanted: PatchWanted | str, played: Played) -> Verdict:
    patch = played.solution.patch if played.solution else None
    if isinstance(wanted, str):
        return Verdict("no patch", patch is None, "there is one")
    got = "none" if patch is None else f"{patch.strategy} of {patch.reverts}"
    if patch is None:
        got += f": {played.solution.patch_withheld if played.solution else 'no solution'}"
    is_right = patch is not None
    if patch is not None and wanted.reverts:
        is_right = patch.reverts == played.commits[wanted.reverts - 1]
    if patch is not None and wanted.files:
        is_right = is_right and {edit.path for edit in patch.files_to_modify} == set(wanted.files)
    return Verdict(f"patch {wanted.model_dump(exclude_defaults=True)}", is_right, got)


def _has(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None
