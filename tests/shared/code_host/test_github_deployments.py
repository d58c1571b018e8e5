"""Deployments, releases and what lies between two commits, read from GitHub."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared.code_host.github import GithubSettings
from shared.code_host.github_reader import GithubReader
from shared.errors import IncidentCopilotError, Refused, Throttled, Unavailable

NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def reader(settings: GithubSettings, sandbox: GithubSandbox) -> GithubReader:
    """A reader that has sent no request yet."""
    return GithubReader(settings, sandbox.repo)


def deployment(number: int, minutes_ago: int, *states: str, **fields: Any) -> dict[str, Any]:
    """Return a row of deployments.json; the states follow at one minute each."""
    at = NOW - timedelta(minutes=minutes_ago)
    moments = [at + timedelta(minutes=index) for index in range(len(states))]
    statuses = [
        {"state": state, "created_at": moment.isoformat()} for state, moment in zip(states, moments, strict=True)
    ]
    row = {"id": number, "ref": "main", "environment": "production", "creator": "ada", "created_at": at.isoformat()}
    return {**row, "statuses": statuses, **fields}


def write(git_dir: Path, **lists: list[dict[str, Any]]) -> None:
    """Write what GitHub has."""
    (git_dir / "deployments.json").write_text(json.dumps(lists))


def test_deployments_come_with_their_state(reader: GithubReader, git_dir: Path, git: Callable[..., str]) -> None:
    """When one was live is when it was first a success; what is not worth a call has no state."""
    write(
        git_dir,
        deployments=[
            deployment(1, 9000, "success", ref="v1.0"),
            deployment(2, 8000, "in_progress", "success", "inactive", ref="v1.0"),
            deployment(3, 10, "queued", "success", production_environment=True),
            deployment(4, -10, "success"),
        ],
    )

    newest, replaced, older = reader.deployments(NOW - timedelta(minutes=30), NOW)

    assert (newest.ref, newest.environment, newest.is_production) == ("main", "production", True)
    assert (newest.sha, newest.creator, newest.state) == (git("rev-parse", "main"), "ada", "success")
    assert (newest.at, newest.live_at) == (NOW - timedelta(minutes=10), NOW - timedelta(minutes=9))
    assert (replaced.state, replaced.live_at) == ("inactive", NOW - timedelta(minutes=7999))
    assert (older.state, older.succeeded_at, older.ref) == ("", None, "v1.0")


def test_states_are_read_for_few(reader: GithubReader, git_dir: Path, sandbox: GithubSandbox) -> None:
    """A repository may deploy every minute, to hundreds of environments."""
    rows = [deployment(n, 9000 - n, "success", environment=f"pr-{n}") for n in range(20)]
    write(git_dir, deployments=[*rows, *(deployment(100 + n, 20 - n, "success") for n in range(20))])

    assert len(reader.deployments(NOW - timedelta(minutes=30), NOW)) == 30
    assert len([one for one in sandbox.requests if one.path.endswith("/statuses")]) == 8


def test_releases_are_the_published_ones(reader: GithubReader, git_dir: Path) -> None:
    """A draft was seen by nobody."""
    at = (NOW - timedelta(minutes=5)).isoformat()
    write(
        git_dir,
        releases=[
            {"id": 1, "tag_name": "v1.0", "name": "First", "published_at": at},
            {"id": 2, "tag_name": "v1.1", "published_at": at, "draft": True},
        ],
    )

    (release,) = reader.releases()

    assert (release.tag, release.name, release.at) == ("v1.0", "First", NOW - timedelta(minutes=5))
    assert release.url.endswith("/octo/shop/releases/tag/v1.0")


def test_comparison_counts_both_sides(reader: GithubReader, git: Callable[..., str]) -> None:
    """And lists what the head has more."""
    old, new = git("rev-parse", "v1.0"), git("rev-parse", "main")

    forward, back = reader.compare(old, new), reader.compare(new, old)

    assert (forward.ahead_by, forward.behind_by, [one.sha for one in forward.commits]) == (1, 0, [new])
    assert (back.ahead_by, back.behind_by, back.commits) == (0, 1, ())
    assert forward.url.endswith(f"/octo/shop/compare/{old}...{new}")


def test_repository_without_any_has_none(reader: GithubReader) -> None:
    """Most have no deployments, and many no releases."""
    assert (reader.deployments(NOW, NOW), reader.releases()) == ([], [])


def _all(reader: GithubReader) -> list[Callable[[], object]]:
    return [lambda: reader.deployments(NOW, NOW), reader.releases, lambda: reader.compare("v1.0", "main")]


FAULTS: list[tuple[Reply, type[Exception]]] = [
    (Reply.of_json({"message": "Not Found"}, 404), Refused),
    (Reply.of_json({"message": "Resource not accessible by personal access token"}, 403), Refused),
    (Reply.of_json({"message": "slow down"}, 429), Throttled),
    (Reply.of_json({"message": "Server Error"}, 500), Unavailable),
    (Reply.of_json({}).held(9), Unavailable),
    (Reply.of_text("<html>proxy</html>"), Unavailable),
    (Reply.of_json(["garbage", 1]), Unavailable),
    (Reply.of_json([{"id": 1, "created_at": "yesterday"}]), IncidentCopilotError),
    (Reply.of_json({"message": "no list"}), Unavailable),
]


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(("reply", "error"), FAULTS)
def test_fault_is_one_of_ours(
    sandbox: GithubSandbox, settings: GithubSettings, number: int, reply: Reply, error: type[Exception]
) -> None:
    """So that whoever asks can go on without."""
    # Short only where it has to pass: a busy machine answers late.
    seconds = 1 if reply.delay_s else settings.github_timeout_s
    reader = GithubReader(settings.model_copy(update={"github_timeout_s": seconds}), sandbox.repo)
    assert reader.default_branch()

    def fault(request: Request) -> Reply | None:
        return reply if any(part in request.path for part in ("deployments", "releases", "compare")) else None

    sandbox.fault = fault
    with pytest.raises((error, Unavailable)):
        _all(reader)[number]()
