"""From the evidence of an incident to places in the code and the commits that may have caused the fault."""

from collections.abc import Sequence
from datetime import datetime

from shared.analysis.code import deployed, suspect_commits
from shared.analysis.code.deployed import ReportedChange, VersionHistory, deployed_refs
from shared.analysis.code.paths import Tree
from shared.analysis.code.places import locations, order, renamed
from shared.analysis.code.places.location import CodeLocation, Files
from shared.analysis.code.suspect_commits import Clues, Suspect
from shared.bounds import clip
from shared.code_host.port import CodeReader
from shared.contracts import (
    Alert,
    Change,
    CodeAnalysis,
    Evidence,
    Incident,
    ProblematicFile,
    SuspectCommit,
)
from shared.errors import Refused, Throttled, Unavailable

MAX_SUSPECTS = 5


def basis(incident: Incident) -> Incident:
    """Return the incident with nothing but what the code is read by: two of the same basis lead to the same code."""
    return Incident(
        incident_detected=True,
        recommendation="proceed",
        severity="low",
        incident_type_hint="unknown",
        start=incident.start,
        end=incident.end,
        onset=incident.onset,
        patterns=incident.patterns,
        stack_traces=incident.stack_traces,
        what_changed=incident.what_changed,
    )


def analyze(alert: Alert, incident: Incident, reader: CodeReader, base_branch: str | None) -> CodeAnalysis:
    """
    Return where in the code the incident comes from and which commits may have caused it.

    Reads the deployed commit when the alert names one that exists, else the newest commit of `base_branch` (None:
    the default branch) not after the onset. Deployments, releases and the commits between the versions before and after
    are read too; a failure to read those becomes a hint, and a refused search costs the places that it alone leads to.
    Calls the reader about 45 times at most.
    Raises Unavailable, Throttled, Refused (from the reader, or when there is no such branch).
    """
    incident = basis(incident)
    branch = base_branch or alert.github_base_branch or reader.default_branch()
    began = incident.onset or alert.started_at or incident.end
    commit, origin = _commit_to_read(alert, reader, branch, began)
    history = deployed.read(alert, incident, reader, began)
    if (pair := history.pair) is not None and pair.after_sha and not alert.commit:
        commit, origin = pair.after_sha, f"the commit of {pair.after}, which was deployed"
    files = Files(reader, commit)
    tree = Tree(files.paths(), alert.service_name, reader.repo)
    code_locations = locations.from_traces(incident, tree, files) or _from_renamed(
        incident, reader, commit, tree, files
    )
    unsearched = ""
    if not code_locations:
        code_locations, unsearched = _from_messages(incident, reader, files)
    # A trace that a user may have sent accuses no commit beside one that the service wrote.
    certain = [each for each in code_locations if incident.doubtful_ids.isdisjoint(each.evidence_ids)]
    clues = Clues(
        [each.place for each in certain or code_locations],
        locations.words(incident, code_locations),
        began,
        history.commits,
    )
    ranked = suspect_commits.rank(reader, commit, clues)[:MAX_SUSPECTS]
    code_locations = order.settle(code_locations, ranked, clues.words, incident, reader, tree, files)
    located = list(dict.fromkeys(each.place.path for each in certain if each.evidence_ids))
    answer = _answer(reader, commit, branch, origin, code_locations, ranked, history, located)
    return answer.replace(degraded=unsearched or None)


def _from_renamed(
    incident: Incident, reader: CodeReader, commit: str, tree: Tree, files: Files
) -> Sequence[CodeLocation]:
    """Return the places of the first trace whose file has another name at the commit that is read."""
    for trace in locations.by_weight(incident.stack_traces)[:1]:
        if (followed := renamed.with_new_path(trace, tree, reader, commit)) is not None:
            return locations.from_traces(incident.replace(stack_traces=[followed]), tree, files)
    return []


def _from_messages(incident: Incident, reader: CodeReader, files: Files) -> tuple[Sequence[CodeLocation], str]:
    """Return the places of the log messages, or none and why: a host that does not search may still be read."""
    try:
        return locations.from_messages(incident, reader, files), ""
    except (Refused, Throttled, Unavailable) as error:
        return [], f"The code was not searched for the words of log lines: {clip(str(error), 500)}."


def _commit_to_read(alert: Alert, reader: CodeReader, branch: str, began: datetime) -> tuple[str, str]:
    """Return the commit and how it was chosen."""
    for ref in deployed_refs(alert.commit or ""):
        sha = reader.resolve(ref)
        if sha:
            return sha, f"the deployed commit {alert.commit!r}"
    # What failed was deployed before it failed, so it is no newer than the branch was then.
    commits = reader.commits(branch, until=began, limit=1)
    if commits:
        return commits[0].sha, f"the newest commit of {branch!r} when the failure began"
    head = reader.resolve(branch)
    if head is None:
        raise Refused(f"{reader.repo} has no branch {branch!r}")
    return head, f"the head of {branch!r}"


def _answer(
    reader: CodeReader,
    commit: str,
    branch: str,
    origin: str,
    code_locations: Sequence[CodeLocation],
    ranked: Sequence[Suspect],
    history: VersionHistory,
    located: list[str],
) -> CodeAnalysis:
    evidence = _code_evidence(code_locations) + _commit_evidence(ranked, len(code_locations))
    reported = [_change_evidence(change, len(evidence) + n) for n, change in enumerate(history.changes, 1)]
    return CodeAnalysis(
        code_available=True,
        repo=reader.repo,
        commit=commit,
        base_branch=branch,
        problematic_files=[_problematic_file(each, evidence[index].id) for index, each in enumerate(code_locations)],
        located_files=located,
        suspect_commits=[_suspect_commit(suspect) for suspect in ranked],
        suggested_fix_locations=list(dict.fromkeys(f"{each.place.path}:{each.place.line}" for each in code_locations)),
        analysis_summary=_summary(origin, commit, code_locations, ranked),
        evidence=[*evidence, *reported],
        what_changed=[_change(change, piece.id) for change, piece in zip(history.changes, reported, strict=True)],
        hints=list(history.hints),
    )


def _change_evidence(change: ReportedChange, number: int) -> Evidence:
    return Evidence(id=f"C{number}", source="commits", at=change.at, text=change.what, link=change.link)


def _change(change: ReportedChange, evidence_id: str) -> Change:
    return Change(
        kind="reported",
        at=change.at,
        what=change.what,
        version_before=change.version_before,
        version_after=change.version_after,
        evidence_id=evidence_id,
        link=change.link,
    )


def _code_evidence(code_locations: Sequence[CodeLocation]) -> list[Evidence]:
    return [
        Evidence(
            id=f"C{number}", source="code", query=f"{each.place.path}:{each.place.line}", text=_snippet(each, 2000)[0]
        )
        for number, each in enumerate(code_locations, 1)
    ]


def _commit_evidence(ranked: Sequence[Suspect], used: int) -> list[Evidence]:
    return [
        Evidence(
            id=f"C{used + number}",
            source="commits",
            query=suspect.commit.sha,
            at=suspect.commit.at,
            text=_commit_excerpt(suspect),
            link=suspect.commit.url,
        )
        for number, suspect in enumerate(ranked, 1)
    ]


def _commit_excerpt(suspect: Suspect) -> str:
    patch = suspect.change.patch if suspect.change else None
    return "\n".join(
        [clip(suspect.commit.message, 300), *([suspect.change.path, patch] if suspect.change and patch else [])]
    )


def _snippet(each: CodeLocation, limit: int) -> tuple[str, int, int]:
    """Return the function's lines, their first and last number, at most `limit` characters around the failing line."""
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
        failing_line=each.place.line,
        code_snippet=snippet,
        issue_description=each.issue,
        error_correlation=each.correlation,
        evidence_ids=[*each.evidence_ids, evidence_id],
    )


def _suspect_commit(suspect: Suspect) -> SuspectCommit:
    commit = suspect.commit
    own = [suspect.change.path] if suspect.change else []
    files = list(dict.fromkeys([*own, *(change.path for change in commit.changes)]))
    return SuspectCommit(
        sha=commit.sha,
        author=commit.author,
        at=commit.at,
        subject=commit.subject,
        files=files,
        score=min(max(suspect.score, 0.0), 1.0),
        why="; ".join(suspect.reasons),
        url=commit.url,
    )


def _summary(origin: str, commit: str, code_locations: Sequence[CodeLocation], ranked: Sequence[Suspect]) -> str:
    sentences = [f"Read {commit[:12]}, {origin}."]
    if code_locations:
        place = code_locations[0].place
        sentences.append(f"The evidence leads to {place.path}:{place.line} ({code_locations[0].correlation}).")
    else:
        sentences.append("No stack frame and no log message leads to a file of the repository.")
    if ranked:
        best = ranked[0]
        sentences.append(
            f"The best suspect is {best.commit.sha[:12]} {best.commit.subject!r}: {'; '.join(best.reasons)}."
        )
    return " ".join(sentences)
