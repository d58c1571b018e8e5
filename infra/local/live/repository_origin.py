"""The repository that a clone on this machine comes from, for whoever names none."""

import re
from collections.abc import Mapping
from pathlib import Path

from infra.local.scenarios.history import run_git
from shared.errors import Rejected

NAMED_BY = ("GITHUB_REPO", "SERVICE_REPOS")
_OWNER_AND_NAME = re.compile(r"(?:(?:https?|ssh|git)://[^/]+/|[^/:]+:)([\w.-]+/[\w.-]+?)(?:\.git)?/?")


def with_origin(values: Mapping[str, str]) -> dict[str, str]:
    """
    Return the variables with GITHUB_REPO from the origin of GIT_REPO_PATH, where nothing else names a repository.

    Raises Rejected when the path is no clone, or its origin no repository of a code host.
    """
    path = values.get("GIT_REPO_PATH", "")
    if not path or any(values.get(name) for name in NAMED_BY):
        return dict(values)
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise Rejected(f"GIT_REPO_PATH is {path!r}, which is no folder")
    origin = run_git("remote", "get-url", "origin", cwd=folder).strip()
    match = _OWNER_AND_NAME.fullmatch(origin)
    if match is None:
        # Not the address itself: it may hold a token.
        raise Rejected(f"The origin of the clone at {path!r} names no owner/name at a host; set GITHUB_REPO")
    return {**values, "GITHUB_REPO": match[1]}
