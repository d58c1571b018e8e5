"""How risky a patch is to merge: counted, not guessed."""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from shared.analysis.code.paths import is_test
from shared.contracts import FileStat, PullRequestRequest

SMALL_LINES = 50
LARGE_LINES = 300

_MANIFESTS = re.compile(
    r"requirements[^/]*\.txt|pyproject\.toml|setup\.(py|cfg)|package\.json|go\.mod|pom\.xml|build\.gradle(\.kts)?"
    r"|gemfile|cargo\.toml|.*\.csproj|dockerfile.*"
)
_SETTINGS = {".yaml", ".yml", ".toml", ".ini", ".properties", ".conf", ".tf", ".env"}


def level(request: PullRequestRequest) -> str:
    """Return low, medium or high."""
    lines = sum(stat.lines_added + stat.lines_removed for stat in request.branch.stats)
    paths = [stat.path for stat in request.branch.stats]
    if lines > LARGE_LINES or _of(paths, is_manifest):
        return "high"
    return "low" if request.branch.reverts and lines <= SMALL_LINES and not _of(paths, is_settings) else "medium"


def reasons(request: PullRequestRequest) -> list[str]:
    """Return the reasons for the level, one sentence each."""
    stats = request.branch.stats
    paths = [stat.path for stat in stats]
    sentences = [f"{size(stats)} in {'1 file' if len(stats) == 1 else f'{len(stats)} files'}."]
    if request.branch.reverts:
        sentences.append("It reverts one commit by a three-way merge without conflict; later changes next to it stay.")
    if named := _of(paths, is_manifest):
        sentences.append(f"It changes what is built or installed: {', '.join(named)}.")
    if named := _of(paths, is_settings):
        sentences.append(f"It changes configuration: {', '.join(named)}.")
    tests = _of(paths, is_test)
    sentences.append(f"Tests change with it: {', '.join(tests)}." if tests else "No test changes with it.")
    return [*sentences, "The changed files parse; nothing was built or run."]


def size(stats: Sequence[FileStat]) -> str:
    """Return the added and removed lines as git words them."""
    added, removed = sum(stat.lines_added for stat in stats), sum(stat.lines_removed for stat in stats)
    return f"{added} line{'s' * (added != 1)} added, {removed} removed"


def is_manifest(path: str) -> bool:
    """Return whether a file says what is built or installed."""
    return _MANIFESTS.fullmatch(PurePosixPath(path).name.lower()) is not None


def is_settings(path: str) -> bool:
    """Return whether a file holds configuration."""
    return PurePosixPath(path).suffix.lower() in _SETTINGS and not is_manifest(path)


def _of(paths: Sequence[str], kind: Callable[[str], bool]) -> list[str]:
    return [path for path in paths if kind(path)]
