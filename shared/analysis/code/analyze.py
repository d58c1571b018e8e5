"""From the evidence of an incident to the code: places, and the commits that may have brought the fault."""

import re
from collections.abc import Sequence
from datetime import datetime

from shared.analysis.code import locations, suspect_commits
from shared.analysis.code.locations import CodeLocation, Files
from shared.analysis.code.paths import Tree
from shared.analysis.code.suspect_commits import Clues, Suspect
from shared.code_host.port import CodeReader
from shared.contracts import (
    Alert,
    CodeAnalysis,
    Evidence,
    Incident,
    ProblematicFile,
    SuspectCommit,
)
from shared.errors import Refused

MAX_SUSPECTS = 5


def analyze(alert: Alert, incident: Incident, reader: CodeReader, base_branch: str | None) -> CodeAnalysis:
    """
    Return where in the code the incident comes from and which commits may have brought it.

    Reads the deployed commit when the alert names one that exists, else the newest commit of `base_branch` (none:
    the default branch) not after the onset. Asks the reader at most about 30 times.
    Raises Unavailable, Throttled, Refused (from the reader, or when there is no such branch).
    """
    branch = base_branch or alert.github_base_branch or reader.default_branch()
    began = incident.onset or alert.started_at or incident.end
    commit, how = _commit_to_read(alert, reader, branch, began)
    files = Files(reader, commit)
    tree = Tree(files.paths(), alert.service_name)
    found = locations.from_traces(incident, tree, files) or locations.from_messages(incident, reader, files)
    clues = Clues([each.place for each in found], locations.words(incident, found), began)
    ranked = suspect_commits.rank(reader, commit, clues)[:MAX_SUSPECTS]
    other = locations.related_change(ranked[0], found, clues.words, files) if ranked and found else None
    found = [*found, other] if other else found
    return _answer(reader, commit, branch, how, found, ranked)


def _commit_to_read(alert: Alert, reader: CodeReader, branch: str, began: datetime) -> tuple[str, str]:
    """Return the commit and how it was chosen."""
    for ref in _deployed_refs(alert.commit or ""):
        sha = reader.resolve(ref)
        if sha:
            return sha, f"the deployed commit {alert.commit!r}"
    # What failed was deployed before it failed, so it is at most what the branch held then.
    listed = reader.commits(branch, until=began, limit=1)
    if listed:
        return listed[0].sha, f"the newest commit of {branch!r} when the failure began"
    head = reader.resolve(branch)
    if head is None:
        raise Refused(f"{reader.repo} has no branch {branch!r}")
    return head, f"the head of {branch!r}"


def _deployed_refs(label: str) -> list[str]:
    """Return what a deployed version may be called in git: itself, with `v`, the sha inside an image tag."""
    refs = [label] if label else []
    if re.match(r"\d+\.\d", label):
        refs.append(f"v{label}")
    refs += [sha for sha in re.findall(r"(?<![0-9a-z])[0-9a-f]{7,40}(?![0-9a-z])", label) if sha != label][:1]
    return refs


def _answer(
    reader: CodeReader, commit: str, branch: str, how: str, found: Sequence[CodeLocation], ranked: Sequence[Suspect]
) -> CodeAnalysis:
    evidence = _code_evidence(found) + _commit_evidence(ranked, len(found))
    return CodeAnalysis(
        code_available=True,
        repo=reader.repo,
        commit=commit,
        base_branch=branch,
        problematic_files=[_problematic_file(each, evidence[index].id) for index, each in enumerate(found)],
        suspect_commits=[_suspect_commit(suspect) for suspect in ranked],
        suggested_fix_locations=list(dict.fromkeys(f"{each.place.path}:{each.place.line}" for each in found)),
        analysis_summary=_summary(how, commit, found, ranked),
        evidence=evidence,
    )


def _code_evidence(found: Sequence[CodeLocation]) -> list[Evidence]:
    return [
        Evidence(
            id=f"C{number}", source="code", query=f"{each.place.path}:{each.place.line}", text=_snippet(each, 2000)[0]
        )
        for number, each in enumerate(found, 1)
    ]


def _commit_evidence(ranked: Sequence[Suspect], used: int) -> list[Evidence]:
    return [
        Evidence(
            id=f"C{used + number}",
            source="commits",
            query=suspect.commit.sha,
            at=suspect.commit.at,
            text=_commit_excerpt(suspect),
            link=suspect.commit.url[:2000],
        )
        for number, suspect in enumerate(ranked, 1)
    ]


def _commit_excerpt(suspect: Suspect) -> str:
    patch = suspect.change.patch if suspect.change else None
    return "\n".join(
        [suspect.commit.message[:300], *([suspect.change.path, patch] if suspect.change and patch else [])]
    )[:2000]


def _snippet(each: CodeLocation, limit: int) -> tuple[str, int, int]:
    """Return the function's lines, their first and last number, cut around the failing line to `limit` characters."""
    lines = each.text.split("\n")
    start, end, line = each.place.span.start, each.place.span.end, each.place.line
    while len("\n".join(lines[start - 1 : end])) > limit and start < end:
        if line - start > end - line:
            start += 1
        else:
            end -= 1
    return "\n".join(lines[start - 1 : end])[:limit], start, end


def _problematic_file(each: CodeLocation, evidence_id: str) -> ProblematicFile:
    snippet, start, end = _snippet(each, 3000)
    return ProblematicFile(
        path=each.place.path,
        function_name=each.place.span.name,
        line_start=start,
        line_end=end,
        code_snippet=snippet,
        issue_description=each.issue[:1000],
        error_correlation=each.correlation[:1000],
        evidence_ids=[*each.evidence_ids, evidence_id],
    )


def _suspect_commit(suspect: Suspect) -> SuspectCommit:
    commit = suspect.commit
    own = [suspect.change.path] if suspect.change else []
    files = list(dict.fromkeys([*own, *(change.path for change in commit.changes)]))
    return SuspectCommit(
        sha=commit.sha,
        author=commit.author[:200],
        at=commit.at,
        subject=commit.subject[:300],
        files=files[:20],
        score=min(max(suspect.score, 0.0), 1.0),
        why="; ".join(suspect.reasons)[:1000],
        url=commit.url[:500],
    )


def _summary(how: str, commit: str, found: Sequence[CodeLocation], ranked: Sequence[Suspect]) -> str:
    sentences = [f"Read {commit[:12]}, {how}."]
    if found:
        place = found[0].place
        sentences.append(f"The evidence leads to {place.path}:{place.line} ({found[0].correlation}).")
    else:
        sentences.append("No stack frame and no log message leads to a file of the repository.")
    if ranked:
        best = ranked[0]
        sentences.append(f"Most suspect is {best.commit.sha[:12]} {best.commit.subject!r}: {'; '.join(best.reasons)}.")
    return " ".join(sentences)[:3000]
