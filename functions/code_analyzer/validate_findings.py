"""Check a model's findings against the code that was read: paths exist, snippets are verbatim, code finds the lines."""

from collections.abc import Mapping

from shared.agent.claim_checks import GroundingContext
from shared.bounds import clip
from shared.contracts import CodeAnalysis, Evidence, ProblematicFile


def grounded(
    refined: CodeAnalysis, offline: CodeAnalysis, context: GroundingContext, files: Mapping[str, str]
) -> tuple[CodeAnalysis, list[str]]:
    """
    Return the findings that the code supports, and what was dropped; the offline ones the model left out come last.

    `files` holds the whole text of each file the model read, by path.
    """
    drops: list[str] = []
    evidence = list(offline.evidence)
    places = [place for each in refined.problematic_files if (place := _place(each, offline, context, files, drops))]
    places = [_with_evidence(place, evidence) for place in places]
    named = {place.path for place in places}
    places += [place for place in offline.problematic_files if place.path not in named]
    paths = {
        *files,
        *(place.path for place in places),
        *(path for one in offline.suspect_commits for path in one.files),
    }
    checked = {
        "problematic_files": places,
        "suggested_fix_locations": _locations(refined.suggested_fix_locations, paths, drops)
        or offline.suggested_fix_locations,
        "analysis_summary": context.prose(refined.analysis_summary, drops) or offline.analysis_summary,
        "evidence": evidence,
    }
    return refined.replace(**checked), drops


def _place(
    finding: ProblematicFile,
    offline: CodeAnalysis,
    context: GroundingContext,
    files: Mapping[str, str],
    drops: list[str],
) -> ProblematicFile | None:
    """Return the finding with the lines where its snippet really is, or None when no such code was read."""
    issue = context.prose(finding.issue_description, drops)
    located = _located(finding, offline, files)
    if located is None or not issue:
        drops.append(f"dropped a finding in code that was not read: {clip(finding.path, 120)!r}")
        return None
    checked = {
        "issue_description": issue,
        "error_correlation": context.prose(finding.error_correlation, drops),
        "evidence_ids": context.ids([*finding.evidence_ids, *located.evidence_ids], drops),
    }
    return located.replace(**checked)


def _located(finding: ProblematicFile, offline: CodeAnalysis, files: Mapping[str, str]) -> ProblematicFile | None:
    snippet = finding.code_snippet.strip("\n")
    same = [place for place in offline.problematic_files if place.path == finding.path]
    for text, first, base in (
        *((place.code_snippet, place.line_start, place) for place in same),
        *(
            [(files[finding.path], 1, finding.replace(evidence_ids=[], failing_line=None))]
            if finding.path in files
            else []
        ),
    ):
        if snippet.strip() and (at := text.find(snippet)) >= 0:
            start = first + text.count("\n", 0, at)
            end = start + snippet.count("\n")
            # The model quotes code; which line fails is what the evidence says.
            line = base.failing_line if base.failing_line and start <= base.failing_line <= end else None
            lines = {"line_start": start, "line_end": end, "failing_line": line, "code_snippet": snippet}
            return base.replace(**lines, function_name=finding.function_name or base.function_name)
    # What the model says about a place that was read is kept, with the snippet of the code.
    return same[0] if same else None


def _with_evidence(place: ProblematicFile, evidence: list[Evidence]) -> ProblematicFile:
    """Return the finding with its code as evidence, for a file that the model read."""
    if any(piece.source == "code" and piece.query.startswith(f"{place.path}:") for piece in evidence):
        return place
    piece = Evidence(
        id=f"C{1 + max((int(piece.id[1:]) for piece in evidence if piece.id[0] == 'C'), default=0)}",
        source="code",
        query=f"{place.path}:{place.line_start}",
        text=place.code_snippet,
    )
    evidence.append(piece)
    return place.replace(evidence_ids=[*place.evidence_ids, piece.id])


def _locations(proposed: list[str], paths: set[str], drops: list[str]) -> list[str]:
    known_places = [
        place for place in proposed if place.rpartition(":")[0] in paths and place.rpartition(":")[2].isdecimal()
    ]
    drops += [f"dropped a place that was not read: {place[:120]!r}" for place in proposed if place not in known_places]
    return known_places
