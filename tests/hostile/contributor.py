"""Attacks by who can get a pull request merged, or push a branch: what a revert, or a branch, then brings."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.builders import NOW
from tests.hostile.forged_logs import COMMITS, OWN, REVERTED, Attack, Play, written
from tests.hostile.world import SOURCE, World, world

EVIL = f"{SOURCE.replace('len(parts)', 'max(len(parts), 1)')}\n\nprint('EVIL')\n"
"""What a reviewer never sees: one commit of the pull request brings it, and the next removes it."""
OURS = """Revert "Change"

This reverts commit {culprit}.
- shop/pricing.py: reverts {culprit:.12}

Incident: {id}
"""


def _committed(
    target: World, parents: Sequence[str], files: Mapping[str, str], at: datetime, message: str = "Change"
) -> str:
    """Return a new commit: the files over those of its first parent."""
    index = {"GIT_INDEX_FILE": str(target.folder / "attack.index")}
    target.run_git("read-tree", parents[0], env=index)
    for path, text in files.items():
        blob = target.run_git("hash-object", "-w", "--stdin", stdin=text).strip()
        target.run_git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", env=index)
    tree = target.run_git("write-tree", env=index).strip()
    dates = {name: at.isoformat() for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE")}
    named = [part for parent in parents for part in ("-p", parent)]
    return target.run_git("commit-tree", tree, *named, "-m", message, env=dates).strip()


def _merged(*states: str) -> Play:
    """Merge a pull request of these states of the file, one commit each; the last one fails."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        with world(folder, patch, commits=[REVERTED], metrics="failing") as target:
            main = side = target.run_git("rev-parse", "main").strip()
            for n, text in enumerate(states):
                side = _committed(target, [side], {"shop/pricing.py": text}, NOW - timedelta(hours=5 - n))
            at = NOW - timedelta(hours=1)
            merge = _committed(target, [main, side], {"shop/pricing.py": states[-1]}, at, "Merge a pull request")
            target.run_git("update-ref", "refs/heads/main", merge)
            target.log(OWN)
            exits = target.run()
        if len(states) == 1:
            return "" if "max(len(parts), 1)" in exits.pushed else f"no draft: {exits.texts['mail'][:300]}"
        return f"it pushed {written(exits)}" if "EVIL" in exits.pushed else written(exits)

    return play


def _made_before(message: str) -> Play:
    """Push the branch of the incident first, with another change; its id stands in the mail that asks a person."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        with world(folder, patch, commits=COMMITS, metrics="failing") as target:
            main = target.run_git("rev-parse", "main").strip()
            text = message.format(id=target.alert.incident_id, culprit=main)
            evil = _committed(target, [main], {"shop/pricing.py": EVIL}, NOW, text)
            target.run_git("update-ref", f"refs/heads/incident/{target.alert.incident_id}", evil)
            target.log(OWN)
            with pytest.raises(AssertionError, match=r"file_updater answered 424.*someone else's commits"):
                target.run()
            return f"a pull request of it: {pulls[0]['title']}" if (pulls := target.pulls()) else ""

    return play


def _in_form(was: str, now: str) -> Play:
    """Change what the failing line does in what looks like its form, after somebody else wrote the line."""

    def play(folder: Path, patch: pytest.MonkeyPatch) -> str:
        states = [SOURCE.replace("total / len(parts)", line) for line in ("total", was, now)]
        commits: list[dict[str, str | None]] = [{"shop/pricing.py": text} for text in states]
        with world(folder, patch, commits=commits, metrics="failing") as target:
            target.log(OWN.replace("total / len(parts)", now))
            exits = target.run()
        if f"-    return {now}" in exits.pushed and f"+    return {was}" in exits.pushed:
            return ""
        first = exits.answers["code_analysis"].suspect_commits[0]
        return f"it accuses the commit of {first.at:%H:%M} with {first.score:.0%}, and drafts: {exits.pushed[:200]!r}"

    return play


FORMS = {
    "floor division": ("total // len(parts)", "total // len(parts[1:])"),
    "a text that runs": ("total / run('SELECT a FROM b', parts)", "total / run('SELECT a FROM c', parts)"),
    "between two texts": ("total['a'] + parts['b']", "total['a'] / parts['b']"),
    "a tuple": ("total / len((parts))", "total / len((parts,))"),
}
"""The line before and after."""


def attacks() -> Iterator[Attack]:
    """Yield every attack by a contributor, and what is true."""
    for name, (was, now) in FORMS.items():
        yield Attack("a change that looks like one of form", name, _in_form(was, now))
    kind = "a revert to what no reviewer saw"
    yield Attack(kind, "one commit of a merged branch", _merged(EVIL, SOURCE))
    kind = "a branch in the name of the incident"
    yield Attack(kind, "with a commit on the base branch", _made_before("Change"))
    yield Attack(kind, "with the message of our commit", _made_before(OURS))
    yield Attack("true, so it is drafted", "the one commit of a merged branch", _merged(SOURCE))
