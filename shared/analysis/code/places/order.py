"""Which place comes first once the commits are known, and what belongs beside the frames."""

from collections.abc import Iterator, Sequence

from shared.analysis.code import diffs, spans, suspect_commits
from shared.analysis.code.line_history import Place
from shared.analysis.code.paths import Tree, is_documentation, is_test
from shared.analysis.code.places import bindings, guards, message_names
from shared.analysis.code.places.location import CodeLocation, Files
from shared.analysis.code.places.locations import by_weight
from shared.analysis.code.suspect_commits import Suspect
from shared.analysis.thresholds import ALTERNATIVE, WORTH_FOLLOWING
from shared.code_host.port import CodeReader, FileChange
from shared.contracts import Incident

ENOUGH_FILES = 3
LIKELY = 0.5
"""Score from which what else a suspect changed comes before the third file of the stack: more likely it than not."""
MAX_CHANGED_FILES = 10
"""Files of code a commit may change and still point to one place."""


def settle(
    locations: Sequence[CodeLocation],
    ranked: Sequence[Suspect],
    clue_words: frozenset[str],
    incident: Incident,
    reader: CodeReader,
    tree: Tree,
    files: Files,
) -> list[CodeLocation]:
    """
    Return the places that traces lead to in their order, with what else the suspects and the failing line lead to.

    Raises Unavailable, Throttled, Refused (from the reader).
    """
    if not locations or not incident.stack_traces:
        return list(locations)
    placed = _suspect_first(guards.callers_first(locations, ranked), ranked)
    related = _related_change(ranked[0], locations, clue_words, files) if ranked else None
    if related is not None:
        at = _end_of_files(placed, ENOUGH_FILES - 1)
        placed = [*placed[:at], related, *placed[at:]]
    trace = by_weight(incident.stack_traces)[0]
    listed = [each.place.path for each in placed]
    for others in (
        bindings.origins(locations[0], tree, files, len(placed)),
        message_names.definitions(trace, reader, files, listed, len(placed)),
    ):
        placed = _with_first(others, placed)
    return placed


def _with_first(others: Iterator[CodeLocation], placed: Sequence[CodeLocation]) -> list[CodeLocation]:
    """Return the places and, as long as they are in few files, the first other one of another file, before tests."""
    paths = {each.place.path for each in placed}
    first = None
    if len(paths) < ENOUGH_FILES:
        first = next((each for each in others if each.place.path not in paths), None)
    listed = [*placed, *([first] if first else [])]
    return sorted(listed, key=lambda each: is_test(each.place.path))


def _end_of_files(locations: Sequence[CodeLocation], count: int) -> int:
    """Return where the places of the first `count` files end."""
    paths: dict[str, None] = {}
    for index, each in enumerate(locations):
        paths[each.place.path] = None
        if len(paths) > count:
            return index
    return len(locations)


def _suspect_first(locations: Sequence[CodeLocation], ranked: Sequence[Suspect]) -> list[CodeLocation]:
    """Return the places, before the first the one of its trace that the best suspect changed, if not the first too."""
    listed = list(locations)
    best = ranked[0] if ranked else None
    if not listed[0].is_frame or best is None or best.change is None or best.score < ALTERNATIVE:
        return listed
    if any(change.path == listed[0].place.path for change in best.commit.changes):
        return listed
    changed = (
        each
        for each in listed[1:]
        if each.is_frame and each.place.path == best.change.path and each.evidence_ids == listed[0].evidence_ids
    )
    first = next(changed, listed[0])
    return [first, *(each for each in listed if each is not first)]


def _related_change(
    suspect: Suspect, locations: Sequence[CodeLocation], clue_words: frozenset[str], files: Files
) -> CodeLocation | None:
    """
    Return where else the best suspect changed code: a fault is often near the line that fails.

    Returns None when the suspect is weak, its change is too wide, or the traces lead to enough files for it.
    """
    known_paths = {each.place.path for each in locations}
    others = [change for change in suspect.commit.changes if change.path not in known_paths and _is_code(change)]
    is_narrow = 0 < len(others) <= MAX_CHANGED_FILES and bool(suspect.commit.parents)
    is_weak = suspect.score < (LIKELY if len(known_paths) >= ENOUGH_FILES else WORTH_FOLLOWING)
    if is_weak or not is_narrow:
        return None
    change = max(others, key=lambda other: (_shared_words(other, clue_words), len(other.patch or "")))
    text = files.text(change.path)
    rows = [row for hunk in diffs.hunks(change.patch) for row in hunk.added() if row[1].strip()]
    if text is None or not rows:
        return None
    number, row = max(rows, key=lambda each: len(suspect_commits.words_of(each[1]) & clue_words))
    line = spans.settle(text, number, row, "")
    if line is None:
        return None
    place = Place(change.path, line, row.strip(), spans.enclosing(change.path, text, line), len(locations))
    issue = f"Changed by {suspect.commit.sha[:12]} together with the code that fails: {row.strip()[:200]}"
    return CodeLocation(
        place, text, issue, f"No frame is in it; {suspect.commit.sha[:12]} is the best suspect.", (), is_frame=False
    )


def _is_code(change: FileChange) -> bool:
    return bool(change.patch) and not is_test(change.path) and not is_documentation(change.path)


def _shared_words(change: FileChange, clue_words: frozenset[str]) -> int:
    rows = [row for hunk in diffs.hunks(change.patch) for row in hunk.rows if not row.startswith(" ")]
    return len(suspect_commits.words_of("\n".join(rows)) & clue_words)
