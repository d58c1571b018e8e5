"""Deployments and releases: what GitHub stores outside git, here a JSON file that only people and scenarios write."""

import json
from pathlib import Path

from infra.local.sandboxes.github import json_shapes as shape
from infra.local.sandboxes.github.api import ApiCall, Handler, Json, not_found, paged
from infra.local.sandboxes.http import Reply

DEPLOYMENTS = "deployments.json"
"""Its name, in the folder of the pull requests."""


class DeploymentEndpoints:
    """
    The endpoints that read `{"deployments": [...], "releases": [...]}`, oldest first; without the file there are none.

    A deployment is `{id, ref, environment, creator, created_at, production_environment, statuses: [{state, created_at,
    log_url}]}`, a release `{id, tag_name, name, published_at}`; times are ISO 8601.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Return method, path below the repository, and handler of each."""
        return [
            ("GET", r"deployments", self._list_deployments),
            ("GET", r"deployments/(\d+)/statuses", self._list_statuses),
            ("GET", r"releases", self._list_releases),
        ]

    def load(self, name: str) -> list[Json]:
        """Return the rows of a list, newest first."""
        rows: list[Json] = json.loads(self._path.read_text()).get(name, []) if self._path.exists() else []
        return rows[::-1]

    def _list_deployments(self, call: ApiCall) -> Reply:
        wanted = {name: call.request.param(name) for name in ("environment", "ref", "sha", "task")}
        rows = [shape.deployment(call, row) for row in self.load("deployments")]
        return paged(
            call, [row for row in rows if all(not value or row[name] == value for name, value in wanted.items())]
        )

    def _list_statuses(self, call: ApiCall) -> Reply:
        for row in self.load("deployments"):
            if row["id"] == int(call.args[0]):
                states = list(enumerate(row.get("statuses", []), 1))[::-1]
                return paged(call, [shape.deployment_status(call, row, state, number) for number, state in states])
        raise not_found()

    def _list_releases(self, call: ApiCall) -> Reply:
        return paged(call, [shape.release(call, row) for row in self.load("releases")])
