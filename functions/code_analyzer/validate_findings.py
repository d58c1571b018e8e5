"""Holds a model's findings against the code that was read: paths exist, snippets are verbatim, code finds the lines."""

from collections.abc import Mapping

from shared.agent.claim_checks import GroundingContext
from shared.contracts import CodeAnalysis, Evidence, ProblematicFile

MAX_FILES = 10
MAX_EVIDENCE = 20
SNIPPET_CHARS = 2_000


def grounded(
    refined: CodeAnalysis, offline: CodeAnalysis, context: GroundingContext, files: Mapping[str, str]
) -> tuple[CodeAnalysis, list[str]]:
    """
    Return the findings that stand on code, the model's before the offline ones it left out, and what was dropped.

    `files` holds the whole text of each file the model asked for, by path.
    """
    drops: list[str] = []
    evidence = list(offline.evidence)
    found = [place for each in refined.problematic_files if (place := _place(each, offline, context, files, drops))]
    found = [_with_evidence(place, evidence) for place in found]
    named = {place.path for place in found}
    found += [place for place in offline.problematic_files if place.path not in named]
    paths = {*files, *(place.path for place in found), *(path for one in offline.suspect_commits for path in one.files)}
    stands = {
        "problematic_files": found[:MAX_FILES],
        "suggested_fix_locations": _locations(refined.suggested_fix_locations, paths, drops)
        or offline.suggested_fix_locations,
        "analysis_summary": context.prose(refined.analysis_summary, drops) or offline.analysis_summary,
        "evidence": evidence[:MAX_EVIDENCE],
    }
    return refined.model_copy(update=stands), drops


def _place(
    said: ProblematicFile, offline: CodeAnalysis, context: GroundingContext, files: Mapping[str, str], drops: list[str]
) -> ProblematicFile | None:
    """Return the finding with its lines where its snippet really stands; none when nobody read such code."""
    issue = context.prose(said.issue_description, drops)
    located = _located(said, offline, files)
    if located is None or not issue:
        drops.append(f"dropped a finding in code nobody read: {said.path[:120]!r}")
        return None
    stands = {
        "issue_description": issue,
        "error_correlation": context.prose(said.error_correlation, drops),
        "evidence_ids": context.ids([*said.evidence_ids, *located.evidence_ids], drops)[:MAX_EVIDENCE],
    }
    return located.model_copy(update=stands)


def _located(said: ProblematicFile, offline: CodeAnalysis, files: Mapping[str, str]) -> ProblematicFile | None:
    snippet = said.code_snippet.strip("\n")
    same = [place for place in offline.problematic_files if place.path == said.path]
    for text, first, base in (
        *((place.code_snippet, place.line_start, place) for place in same),
        *([(files[said.path], 1, said.model_copy(update={"evidence_ids": []}))] if said.path in files else []),
    ):
        if snippet.strip() and (at := text.find(snippet)) >= 0:
            start = first + text.count("\n", 0, at)
            lines = {"line_start": start, "line_end": start + snippet.count("\n"), "code_snippet": snippet}
            return base.model_copy(update={**lines, "function_name": said.function_name or base.function_name})
    # Words about a place that was read stand with the code's own snippet.
    return same[0] if same else None


def _with_evidence(place: ProblematicFile, evidence: list[Evidence]) -> ProblematicFile:
    """Return a finding in a file the model asked for with that code as evidence."""
    if any(piece.source == "code" and piece.query.startswith(f"{place.path}:") for piece in evidence):
        return place
    kept = Evidence(
        id=f"C{1 + max((int(piece.id[1:]) for piece in evidence if piece.id[0] == 'C'), default=0)}",
        source="code",
        query=f"{place.path}:{place.line_start}",
        text=place.code_snippet[:SNIPPET_CHARS],
    )
    evidence.append(kept)
    return place.model_copy(update={"evidence_ids": [*place.evidence_ids, kept.id][:MAX_EVIDENCE]})


def _locations(said: list[str], paths: set[str], drops: list[str]) -> list[str]:
    kept = [place for place in said if place.rpartition(":")[0] in paths and place.rpartition(":")[2].isdecimal()]
    drops += [f"dropped a place nobody read: {place[:120]!r}" for place in said if place not in kept]
    return kept
