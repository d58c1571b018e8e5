"""Commits that were reverted soon after: ranked without a trace, beside the newest commits of the branch."""

import tempfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ValidationError

from infra.evals.run_scenario import environment
from infra.local.scenarios import history
from infra.score.code.cases import repository_of
from infra.score.code.observe import rank
from infra.score.code.replay import code_host, variables
from infra.score.halves import Half, half_of
from infra.score.part import Progress
from shared import clock
from shared.analysis.code.analyze import analyze
from shared.code_host import reader as code_reader
from shared.contracts import Alert, Incident
from shared.errors import IncidentCopilotError, Rejected

FILE = "reverts.jsonl"
NOWHERE = "http://127.0.0.1:9"
COMPARED = 5
WINDOW = timedelta(minutes=15)


class _Row(BaseModel):
    id: str
    repo: str
    revert: str
    culprit: str
    revert_time: Annotated[datetime, AfterValidator(clock.to_utc)]


@dataclass(frozen=True)
class RevertObservation:
    """Where the commit that was reverted stands in the analyst's ranking and among the newest ones, from 1."""

    name: str
    repo: str
    half: Half
    rank: int | None
    newest_rank: int | None
    score: float | None


def measure(cases: Path, repos: Path | None, progress: Progress) -> list[RevertObservation]:
    """Return one observation for each row whose repository is at hand. Raises Rejected when a row cannot be read."""
    if repos is None or not (cases / FILE).exists():
        return []
    observed = []
    for row in _rows(cases / FILE):
        git_dir = repository_of(row.repo, row.revert, repos)
        if git_dir is None:
            continue
        try:
            observed.append(_observe(row, git_dir))
        except IncidentCopilotError as error:
            # A copy of a repository may lack its largest files.
            progress(f"{row.id} cannot be read: {error}")
        if len(observed) % 25 == 0:
            progress(f"{len(observed)} reverts")
    return observed


def _rows(path: Path) -> list[_Row]:
    try:
        return [_Row.model_validate_json(line) for line in path.read_text("utf-8").splitlines() if line]
    except ValidationError as error:
        raise Rejected(f"{str(path)!r} cannot be read: {error}") from error


def _observe(row: _Row, git_dir: Path) -> RevertObservation:
    before = history.run_git("rev-parse", f"{row.revert}^", cwd=git_dir).strip()
    newest = history.run_git("log", f"-{COMPARED}", "--no-merges", "--format=%H", before, cwd=git_dir).split()
    with tempfile.TemporaryDirectory() as folder:
        own = Path(folder) / "repo.git"
        history.borrow_commit(git_dir, before, own)
        with environment(variables(NOWHERE, folder)), code_host(own, row.repo):
            reader = code_reader.connect(row.repo)
            if reader is None:
                raise Rejected(f"{row.repo!r} is no repository that may be read")
            code = analyze(_alert(row, before), _incident(row), reader, None)
    suspects = [each.sha for each in code.suspect_commits]
    best = code.suspect_commits[0].score if code.suspect_commits else None
    place, newest_place = (rank(listed, lambda sha: sha == row.culprit) for listed in (suspects, newest))
    return RevertObservation(row.id, row.repo, half_of(row.id), place, newest_place, best)


def _alert(row: _Row, commit: str) -> Alert:
    return Alert(
        incident_id="inc-score-revert",
        service_name="service",
        lookup_window_s=round(WINDOW.total_seconds()),
        start=row.revert_time - WINDOW,
        end=row.revert_time,
        received_at=row.revert_time,
        started_at=row.revert_time,
        commit=commit,
    )


def _incident(row: _Row) -> Incident:
    """Return an incident of which only the time is known."""
    return Incident(
        incident_detected=True,
        recommendation="proceed",
        severity="high",
        incident_type_hint="unknown",
        verdict="incident",
        start=row.revert_time - WINDOW,
        end=row.revert_time,
        onset=row.revert_time,
    )
