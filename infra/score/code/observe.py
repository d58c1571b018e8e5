"""What one answer is worth: its exception, files, commits and draft, beside the truth and the baselines of the case."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from infra.score.code import baselines
from infra.score.code.cases import CodeCase, Tier
from infra.score.code.drafts import Draft, draft_of
from infra.score.code.replay import CodeAnswer
from infra.score.halves import Half
from shared.analysis.code.paths import deepest_own
from shared.contracts import CodeAnalysis, StackTrace

Matches = Callable[[str], bool]


@dataclass(frozen=True)
class CodeObservation:
    """
    One answer beside the truth.

    Ranks count from 1 and are None when the right one is not named. `confidence` is that of the first cause,
    `suspect_score` that of the first suspect; both None without one. `why_none` says why there is no draft.
    """

    name: str
    kind: str
    half: Half
    tier: Tier
    has_repository: bool
    is_incident: bool
    incident_type: str
    is_exception_right: bool
    is_frame_right: bool
    named_file: str
    file_rank: int | None
    file_rank_baseline: int | None
    suspect: str
    commit_rank: int | None
    newest_rank: int | None
    blame_rank: int | None
    confidence: float | None
    suspect_score: float | None
    draft: Draft | None
    why_none: str
    seconds: float

    @property
    def is_file_right(self) -> bool:
        """Whether the first file is one of the fault."""
        return self.file_rank == 1


def observe(case: CodeCase, answer: CodeAnswer) -> CodeObservation:
    """Return an answer beside the truth. Raises Rejected when the repository cannot be read."""
    code, incident = answer.code, answer.incident
    trace = _trace(incident.stack_traces, case)
    named, suspects = files_of(code), [each.sha for each in code.suspect_commits] if code else []
    patch = answer.solution.patch if answer.solution else None
    causes = answer.causes.root_causes if answer.causes else []
    return CodeObservation(
        name=case.name,
        kind=case.truth.kind,
        half=case.half,
        tier=case.tier,
        has_repository=case.git_dir is not None,
        is_incident=incident.needs_response,
        incident_type=incident.incident_type_hint,
        is_exception_right=trace is not None and trace is incident.stack_traces[0],
        is_frame_right=_is_frame_right(trace, case),
        named_file=named[0] if named else "",
        file_rank=rank(named, case.is_culprit),
        file_rank_baseline=rank(baselines.files(case), case.is_culprit),
        suspect=suspects[0] if suspects else "",
        commit_rank=_commit_rank(suspects, case),
        newest_rank=_commit_rank(baselines.newest_on_file(case), case) if case.culprit else None,
        blame_rank=_commit_rank(baselines.blamed(case), case) if case.culprit else None,
        confidence=causes[0].confidence if causes else None,
        suspect_score=code.suspect_commits[0].score if code and code.suspect_commits else None,
        draft=draft_of(patch, case.git_dir, case.truth.snapshot),
        why_none=(answer.solution.patch_withheld or "") if answer.solution else "",
        seconds=answer.seconds,
    )


def files_of(code: CodeAnalysis | None) -> list[str]:
    """Return the files that an answer names, each once."""
    return list(dict.fromkeys(each.path for each in code.problematic_files)) if code else []


def rank(listed: Sequence[str], matches: Matches) -> int | None:
    """Return the place of the first that matches, from 1, or None."""
    return next((place for place, each in enumerate(listed, 1) if matches(each)), None)


def _commit_rank(listed: Collection[str], case: CodeCase) -> int | None:
    return rank(list(listed), lambda sha: sha == case.culprit) if case.culprit else None


def _trace(traces: Sequence[StackTrace], case: CodeCase) -> StackTrace | None:
    """Return the trace of the incident's own exception."""
    return next((each for each in traces if each.exception_type.rsplit(".", 1)[-1] == case.exception_type), None)


def _is_frame_right(trace: StackTrace | None, case: CodeCase) -> bool:
    own = deepest_own(trace.frames) if trace else None
    return own is not None and bool(case.frames) and own.path.endswith(case.frames[0][0])
