"""
Crash traces without their sources: the classes that the analyst takes for the service's own, the deepest first.

Of a project's tree only the files are known of which some crash names a class.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import BaseModel, ValidationError

from functions.incident_detection.main import incident_detection
from infra.evals.run_scenario import ask_inline, environment
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.score.code.observe import rank
from infra.score.code.replay import variables
from infra.score.halves import Half, half_of
from infra.score.part import Progress
from shared.analysis.code.paths import Tree
from shared.analysis.code.places.frames import own_frames
from shared.contracts import Alert, DetectionRequest, Incident
from shared.errors import Rejected
from shared.step.recorder import recording

FILE = "d4j_traces.jsonl"
END = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
WINDOW, ONSET = timedelta(minutes=30), timedelta(minutes=10)
TIMES = 10


class _Row(BaseModel):
    id: str
    exception: str
    culprit_classes: list[str]
    in_repo_classes: list[str]
    trace: str

    @property
    def project(self) -> str:
        """Whose crash it is: its id is `<project>-<number>`."""
        return self.id.rpartition("-")[0]


@dataclass(frozen=True)
class CrashObservation:
    """Where the first class of the fault stands, from 1: in the analyst's order, and in that of the frames."""

    name: str
    half: Half
    rank: int | None
    frames_rank: int | None


def measure(cases: Path, progress: Progress) -> list[CrashObservation]:
    """Return one observation for each row. Raises Rejected when a row cannot be read."""
    path = cases / FILE
    if not path.exists():
        return []
    rows: list[_Row] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            rows.append(_Row.model_validate_json(line))
        except ValidationError as error:
            raise Rejected(f"line {number} of {str(path)!r} cannot be read: {error}") from error
    trees = {project: _tree(row for row in rows if row.project == project) for project in {row.project for row in rows}}
    observed = [_observe(row, trees[row.project]) for row in rows]
    progress(f"{len(observed)} crashes")
    return observed


def _tree(rows: Iterable[_Row]) -> Tree:
    classes = {name.partition("$")[0] for row in rows for name in (*row.in_repo_classes, *row.culprit_classes)}
    return Tree(sorted(f"src/{name.replace('.', '/')}.java" for name in classes))


def _observe(row: _Row, tree: Tree) -> CrashObservation:
    own, truth = own_classes(_incident(row), tree), set(row.culprit_classes)
    frames = list(dict.fromkeys(row.in_repo_classes))
    place, frames_place = (rank(listed, truth.__contains__) for listed in (own, frames))
    return CrashObservation(row.id, half_of(row.id), place, frames_place)


def own_classes(incident: Incident, tree: Tree) -> list[str]:
    """Return the classes of the first trace that are of the tree, the deepest first and tests last, each once."""
    own = own_frames(incident.stack_traces[0], tree) if incident.stack_traces else []
    return list(dict.fromkeys(frame.function.rpartition(".")[0].partition("$")[0] for frame in own))


def _incident(row: _Row) -> Incident:
    """Return what detection makes of a log that holds the trace some times, among calm lines."""
    with LokiSandbox() as loki, recording():
        loki.load({"streams": [{"stream": {"service_name": "service"}, "values": _lines(row)}]})
        with environment(variables(loki.url, "/nonexistent")):
            return ask_inline(incident_detection, DetectionRequest(alert=_alert()), Incident)


def _lines(row: _Row) -> list[list[str]]:
    start = END - WINDOW
    calm = [(start + timedelta(seconds=6 * n), f"INFO request {n} handled") for n in range(300)]
    step = ONSET / TIMES
    body = row.trace.partition("\n")[2] if row.trace.startswith("--- ") else row.trace
    failed = [(END - ONSET + n * step, f"ERROR request failed\n{body}") for n in range(TIMES)]
    return [[str(int(at.timestamp() * 1e9)), text] for at, text in sorted([*calm, *failed])]


def _alert() -> Alert:
    return Alert(
        incident_id="inc-score-crash",
        service_name="service",
        lookup_window_s=round(WINDOW.total_seconds()),
        start=END - WINDOW,
        end=END,
        received_at=END,
    )
