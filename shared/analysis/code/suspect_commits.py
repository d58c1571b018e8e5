"""Scores commits by how well they explain a failure: what they touched, where, and when."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest

from shared.analysis.code import diffs
from shared.analysis.code.deployed import DeployedCommits
from shared.analysis.code.line_history import Marks, Place, follow
from shared.analysis.code.paths import is_documentation, is_test
from shared.code_host.port import CodeReader, Commit, FileChange

MAX_HISTORIES = 3
MAX_DETAILS = 12
_MAX_LISTED = 20
_HALF_LIFE_DAYS = 30.0

# Parts of a score; together they stay below one.
_LINE, _FUNCTION, _FILE, _WORDS, _CODE_WORDS, _RECENT, _HINT = 0.36, 0.22, 0.08, 0.12, 0.06, 0.12, 0.02
_UNLIKELY = 0.15
"""Share that remains of a score when the commit can hardly have done it: clocks, tags and labels can be wrong."""
_NEWEST, _NEWEST_FALLS = 0.28, 1.5
"""
Score of the newest commit where nothing leads to a place in the code, and how it falls with each newer one: by
1/place^1.5. Of 117 commits that were reverted soon after, 47 % were the newest of their branch, 64 % among three and
69 % among five; a half-life of days makes no difference between commits of one day. Low, as no commit need be to blame.
"""
_POWER, _NONE = 3, 0.2
"""
A score is the share of a commit's points to this power among those of all, and of none of them. Chosen on 21 incidents
with a known culprit, whose first suspect was the culprit in 81 %: Brier .112, always claiming that .154, the points
themselves .198. On 19 others: .135, .166, .160.
"""
_OLD = 0.4
"""Share that remains of the score for touching the place when it did no harm for a long time."""

_HINTS = re.compile(
    r"\b(refactor|rewrite|replac|remov|migrat|simplif|optimi[sz]|clean ?up|upgrade|bump)", re.IGNORECASE
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,}")
_COMMON_WORDS = frozenset(
    _WORD.findall(
        "and any args are attribute but call can cannot class def elif else error except exception expected false for "
        "from function got has have import index instance int invalid key kwargs list method missing must name none "
        "not null object one out positional raise range required return self str string super takes that the this "
        "true try type undefined unexpected value was while with without"
    )
)


@dataclass(frozen=True)
class Clues:
    """
    What to search for: the places, words of the failure, and when it began.

    `deployed` are the commits that came with the version that runs since, where both versions are known.
    """

    places: Sequence[Place]
    words: frozenset[str]
    began: datetime
    deployed: DeployedCommits | None = None


@dataclass(frozen=True)
class Suspect:
    """
    A commit with its score, the reasons, and its change that most likely caused the failure.

    Where a place in the code is known the score is how likely it is the culprit, from 0 to 1.
    """

    commit: Commit
    score: float
    reasons: tuple[str, ...]
    change: FileChange | None = None


def words_of(text: str) -> frozenset[str]:
    """Return the identifiers of a message without common words, in lower case."""
    return frozenset(word.lower() for word in _WORD.findall(text)) - _COMMON_WORDS


def rank(reader: CodeReader, head: str, clues: Clues) -> list[Suspect]:
    """
    Return the commits that touched the places, best suspect first; without places, the newest of the branch.

    Commits that came with the version that runs since are read too, and those that ran before are hardly suspect.
    Requests at most MAX_HISTORIES + 1 listings and MAX_DETAILS + 1 commits.
    Raises Unavailable, Throttled, Refused (from the reader).
    """
    details: dict[str, Commit] = {}
    histories = _histories(reader, head, clues, details)
    shas = dict.fromkeys([*_shas_to_fetch(histories), *(clues.deployed.newest_first if clues.deployed else ())])
    missing = [sha for sha in list(shas)[:MAX_DETAILS] if sha not in details]
    details.update(zip(missing, reader.read_commits(missing), strict=True))
    marks = {sha: Marks() for sha in details}
    for place in clues.places:
        follow(place, _without_gap(histories.get(place.path, []), details), marks)
    # A host lists the newest first, by when a commit came to be; authors wrote some of them long before.
    before = [commit.sha for commit in details.values() if commit.at <= clues.began] if not clues.places else []
    turns = {sha: turn for turn, sha in enumerate(before, 1)}
    suspects = [_suspect(details[sha], marks[sha], clues, turns.get(sha)) for sha in details]
    suspects = _shares(suspects) if clues.places else suspects
    return sorted(suspects, key=lambda suspect: (-suspect.score, -suspect.commit.at.timestamp(), suspect.commit.sha))


def _shares(suspects: Sequence[Suspect]) -> list[Suspect]:
    """Return the suspects, the score of each its share among all of them, and none: how often it is the culprit."""
    total = sum(suspect.score**_POWER for suspect in suspects) + _NONE**_POWER
    return [replace(suspect, score=round(suspect.score**_POWER / total, 3)) for suspect in suspects]


def _histories(reader: CodeReader, head: str, clues: Clues, details: dict[str, Commit]) -> dict[str, Sequence[Commit]]:
    paths = list(dict.fromkeys(place.path for place in clues.places))[:MAX_HISTORIES]
    if not paths and clues.deployed is not None:
        return {}
    if not paths:
        return {"": reader.commits(head, limit=_MAX_LISTED)}
    histories = {path: reader.commits(head, path=path, limit=_MAX_LISTED) for path in paths}
    histories[paths[0]] = [
        *histories[paths[0]],
        *_commits_before_rename(reader, paths[0], histories[paths[0]], details),
    ]
    return histories


def _commits_before_rename(
    reader: CodeReader, path: str, listed: Sequence[Commit], details: dict[str, Commit]
) -> Sequence[Commit]:
    """
    Return the commits of a file under its former path: a code host's listing ends at the rename.

    Nothing is returned when the listing may go on (it is full), or its last commit is no rename (a merge, the first).
    The commit that was read is added to `details`.
    """
    if not listed or len(listed) == _MAX_LISTED or len(listed[-1].parents) != 1:
        return []
    oldest = reader.commit(listed[-1].sha)
    details[oldest.sha] = oldest
    former = next((change.previous_path for change in oldest.changes if change.path == path), None)
    return reader.commits(oldest.parents[0], path=former, limit=_MAX_LISTED) if former else []


def _shas_to_fetch(histories: dict[str, Sequence[Commit]]) -> list[str]:
    """Return the commits to fetch, newest first, no merges: two of the first file for each one of another."""
    queues = [[commit.sha for commit in listed if len(commit.parents) < 2] for listed in histories.values()]
    if queues:
        first = queues[0]
        queues = [first[::2], first[1::2], *queues[1:]]
    turns = zip_longest(*queues)
    chosen = dict.fromkeys(sha for turn in turns for sha in turn if sha is not None)
    return list(chosen)[:MAX_DETAILS]


def _without_gap(listed: Sequence[Commit], details: Mapping[str, Commit]) -> Iterator[Commit]:
    """Yield commits up to the first that was not fetched: beyond it, the position of a line is unknown."""
    for commit in listed:
        if commit.sha in details:
            yield details[commit.sha]
        elif len(commit.parents) < 2:
            return


def _suspect(commit: Commit, marks: Marks, clues: Clues, turn: int | None) -> Suspect:
    """Return a commit with its score; `turn` is its place among the newest ones where no place in the code is known."""
    changed = _changed_words(commit)
    message_words, line_words = clues.words, words_of(" ".join(place.text for place in clues.places[:1]))
    shared_words = sorted(message_words & changed)
    is_new = clues.deployed is not None and commit.sha in clues.deployed.shas
    recent = 1.0 if is_new else _recency(commit, clues.began)
    touch = _LINE * marks.line + _FUNCTION * marks.function + _FILE * marks.file
    late = _RECENT * recent if turn is None else _NEWEST / turn**_NEWEST_FALLS
    score = touch * (_OLD + (1 - _OLD) * recent) + late + _HINT * bool(_HINTS.search(commit.subject))
    # Where nothing else leads anywhere, they are stronger than the order.
    word_weight = _WORDS if clues.places else 2 * _WORDS
    score += word_weight * _share(message_words, changed) + _CODE_WORDS * _share(line_words, changed)
    reasons = list(dict.fromkeys(marks.reasons))
    if shared_words:
        reasons.append(f"its changes name {', '.join(shared_words[:4])}")
    if clues.deployed is not None and is_new:
        reasons.append(f"it is new in {clues.deployed.after}")
    factor, doubts = _doubts(commit, clues)
    if clues.deployed is not None and clues.deployed.is_whole and not is_new:
        factor *= _UNLIKELY
        doubts.append(f"it ran before, in {clues.deployed.before}")
    return Suspect(commit, round(score * factor, 3), (*reasons, _age(commit, clues.began), *doubts), marks.change)


def _share(expected: frozenset[str], changed: frozenset[str]) -> float:
    return len(expected & changed) / len(expected) if expected else 0.0


def _changed_words(commit: Commit) -> frozenset[str]:
    rows = [
        row[1:]
        for change in commit.changes
        if not is_documentation(change.path) and not is_test(change.path)
        for hunk in diffs.hunks(change.patch)
        for row in hunk.rows
        if not row.startswith(" ")
    ]
    return words_of("\n".join(rows))


def _recency(commit: Commit, began: datetime) -> float:
    days = max((began - commit.at).total_seconds() / 86_400, 0.0)
    return float(0.5 ** (days / _HALF_LIFE_DAYS))


def _age(commit: Commit, began: datetime) -> str:
    minutes = abs(began - commit.at).total_seconds() / 60
    if minutes < 60:
        length = f"{minutes:.0f} min"
    else:
        length = f"{minutes / 60:.0f} h" if minutes < 72 * 60 else f"{minutes / 60 / 24:.0f} days"
    return f"committed {length} {'after the failure began' if commit.at > began else 'before the failure'}"


def _doubts(commit: Commit, clues: Clues) -> tuple[float, list[str]]:
    """
    Return what lowers the score, as a factor and in words.

    Where no place is known, what a commit is of says less: those of documentation alone are reverted nearly as often.
    """
    documents, tests = (0.05, 0.1) if clues.places else (0.5, 0.5)
    factor, doubts = 1.0, []
    code = [change.path for change in commit.changes if not is_documentation(change.path)]
    if commit.at > clues.began:
        factor *= _UNLIKELY
    if len(commit.parents) > 1:
        factor *= 0.5
        doubts.append("it is a merge")
    if not code:
        factor *= documents
        doubts.append("it changes only documentation")
    elif all(is_test(path) for path in code):
        factor *= tests
        doubts.append("it changes only tests")
    return factor, doubts
