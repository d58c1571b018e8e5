"""The tables: the analyst's rows, and those of the baselines under them."""

import resource
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from infra.score.code.calibration import Calibration, calibration
from infra.score.code.crashes import CrashObservation
from infra.score.code.observe import CodeObservation
from infra.score.code.reverts import RevertObservation
from infra.score.halves import Half, shares
from infra.score.part import ScoreTable

HALVES = ("all", "tuned on", "reported on")
Ranks = Sequence[tuple[Half, int | None]]
Row = tuple[str, ...]


def tables(
    observed: Sequence[CodeObservation], crashed: Sequence[CrashObservation], reverted: Sequence[RevertObservation]
) -> tuple[ScoreTable, ...]:
    """Return every table that has a row."""
    read = [one for one in observed if one.has_repository]
    listed = (
        _detection(observed),
        _files(read, crashed),
        _commits(read, reverted),
        _drafts(read),
        _missed(read),
        _calibration(read),
        _costs(observed),
    )
    return tuple(table for table in listed if table.rows)


def _detection(observed: Sequence[CodeObservation]) -> ScoreTable:
    checks: tuple[tuple[str, Callable[[CodeObservation], bool]], ...] = (
        ("an incident", lambda one: one.is_incident),
        ("its exception first", lambda one: one.is_exception_right),
        ("its deepest own frame", lambda one: one.is_frame_right),
        ("a fault of code", lambda one: one.incident_type == "code_issue"),
    )
    rows = [
        (kind, what, *shares((one.half, check(one)) for one in group).cells)
        for kind, group in _by_kind(observed)
        for what, check in checks
    ]
    note = "Every one of them is a fault of code, whose exception the log holds beside a steady one of its background."
    return ScoreTable("Detection", ("incidents", "said", *HALVES), tuple(rows), note)


def _files(read: Sequence[CodeObservation], crashed: Sequence[CrashObservation]) -> ScoreTable:
    rows: list[Row] = []
    for kind, group in _by_kind(read):
        rows += _ranked(kind, "analyst", [(one.half, one.file_rank) for one in group], (1, 3))
        rows += _ranked(kind, "deepest frames", [(one.half, one.file_rank_baseline) for one in group], (1, 3))
    if crashed:
        rows += _ranked("crashes", "analyst", [(one.half, one.rank) for one in crashed], (1, 3))
        rows += _ranked("crashes", "deepest frames", [(one.half, one.frames_rank) for one in crashed], (1, 3))
    note = "A file of the fault is among the first named. Crashes are read without their sources: of them the class."
    return ScoreTable("Files", ("incidents", "who", "among the first", *HALVES), tuple(rows), note)


def _commits(read: Sequence[CodeObservation], reverted: Sequence[RevertObservation]) -> ScoreTable:
    rows: list[Row] = []
    for tier in ("gold-bisect", "gold-born"):
        group = [one for one in read if one.tier == tier]
        rows += _ranked(tier, "analyst", [(one.half, one.commit_rank) for one in group], (1, 3, 5))
        rows += _ranked(tier, "newest of the file", [(one.half, one.newest_rank) for one in group], (1, 3, 5))
        rows += _ranked(tier, "blame", [(one.half, one.blame_rank) for one in group], (1,))
    rows += _ranked("reverts", "analyst", [(one.half, one.rank) for one in reverted], (1, 3, 5))
    rows += _ranked("reverts", "newest of the branch", [(one.half, one.newest_rank) for one in reverted], (1, 3, 5))
    note = "gold-born is the first commit that had the behaviour at all. Of reverts only their time is known."
    return ScoreTable("Commits", ("incidents", "who", "among the first", *HALVES), tuple(rows), note)


def _drafts(read: Sequence[CodeObservation]) -> ScoreTable:
    drafted = [one for one in read if one.draft is not None]
    rows: list[Row] = [
        (
            one.name,
            one.tier,
            one.draft.reverts[:12] or "a fix",
            {1: "yes", None: "not known" if one.tier == "none" else "no"}.get(one.commit_rank, "no"),
            "; ".join(one.draft.broken_imports[:2]) or "none",
        )
        for one in drafted
        if one.draft is not None
    ]
    note = f"{len(drafted)} drafts of {len(read)} incidents. An import breaks when the name that it imports is gone."
    return ScoreTable(
        "Drafts", ("incident", "culprit known by", "reverts", "culprit", "broken imports"), tuple(rows), note
    )


def _missed(read: Sequence[CodeObservation]) -> ScoreTable:
    """Count why there was no draft of an incident whose culprit is known."""
    reasons = Counter(
        (one.tier, one.why_none or "no reason given") for one in read if one.tier != "none" and not one.draft
    )
    rows = tuple((tier, str(count), why[:140]) for (tier, why), count in sorted(reasons.items(), key=lambda e: -e[1]))
    return ScoreTable("Not drafted", ("culprit known by", "incidents", "why"), rows)


def _calibration(read: Sequence[CodeObservation]) -> ScoreTable:
    causes = [(one.confidence, one.is_file_right) for one in read if one.confidence is not None]
    gold = [one for one in read if one.tier != "none" and one.suspect_score is not None]
    suspects = [(one.suspect_score or 0.0, one.commit_rank == 1) for one in gold]
    rows: list[Row] = []
    for name, claims in (("confidence of the first cause", causes), ("score of the first suspect", suspects)):
        rows += _bins(name, calibration(claims))
    note = (
        "A cause is right when its first file is; better: by how much Brier is below that of always claiming the mean."
    )
    return ScoreTable("Calibration", ("what", "claimed", "n", "mean claimed", "right"), tuple(rows), note)


def _bins(name: str, measured: Calibration) -> Iterator[Row]:
    for each in measured.bins:
        yield (
            name,
            f"{each.low:.1f} to {each.low + 0.1:.1f}",
            str(each.count),
            f"{each.claimed:.2f}",
            f"{each.right:.2f}",
        )
    if measured.count:
        summary = f"Brier {measured.brier:.3f}, constant {measured.constant:.3f}, better {measured.better:+.0%}"
        yield name, f"{summary}, error {measured.error:.3f}", str(measured.count), "", ""


def _costs(observed: Sequence[CodeObservation]) -> ScoreTable:
    seconds = sorted(one.seconds for one in observed)
    # Kilobytes on Linux, bytes on macOS.
    unit = 1e6 if sys.platform == "darwin" else 1e3
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
    row = (str(len(seconds)), f"{median(seconds):.2f}", f"{seconds[-1]:.2f}", f"{memory_mb:.0f}")
    return ScoreTable("Cost", ("incidents", "median s", "max s", "peak MB of all"), (row,))


def _by_kind(observed: Iterable[CodeObservation]) -> Iterator[tuple[str, list[CodeObservation]]]:
    listed = list(observed)
    for kind in dict.fromkeys(one.kind for one in listed):
        yield kind, [one for one in listed if one.kind == kind]


def _ranked(group: str, who: str, ranks: Ranks, tops: Sequence[int]) -> Iterator[Row]:
    for top in tops if ranks else ():
        cells = shares((half, place is not None and place <= top) for half, place in ranks).cells
        yield group, who, str(top), *cells
