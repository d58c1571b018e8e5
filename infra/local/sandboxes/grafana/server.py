"""Grafana on loopback: `python -m infra.local.sandboxes.grafana.server --port 3000 --data grafana.json --token secret`.

Answers its alert rules and its annotations, to the token alone where it has one.

Source: https://grafana.com/docs/grafana/latest/developers/http_api/annotations/,
https://grafana.com/docs/grafana/latest/developers/http_api/alerting_provisioning/
"""

import argparse
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.local.sandboxes.http import Reply, Request, Sandbox

_RULE = re.compile(r"/api/v1/provisioning/alert-rules/([\w-]+)")
_MAX_LISTED = 100


class GrafanaSandbox(Sandbox):
    """A Grafana with `rules` by uid, and `annotations` as `{time, text, tags, dashboardUID, timeEnd}`, times in ms."""

    def __init__(
        self,
        port: int = 0,
        *,
        token: str | None = None,
        rules: Mapping[str, Any] | None = None,
        annotations: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(port)
        self.annotations = list(annotations)
        self._rules = dict(rules or {})
        self._token = token

    def answer(self, request: Request) -> Reply:
        """Answer as Grafana's HTTP API does."""
        if self._token is not None and request.headers.get("Authorization") != f"Bearer {self._token}":
            return Reply.of_json({"message": "Invalid API key"}, 401)
        if request.path == "/api/annotations":
            return Reply.of_json([_shape(number, row) for number, row in self._listed(request)])
        match = _RULE.fullmatch(request.path)
        rule = self._rules.get(match[1]) if match else None
        return Reply.of_json({"message": "Not found"}, 404) if rule is None else Reply.of_json(rule)

    def _listed(self, request: Request) -> list[tuple[int, Mapping[str, Any]]]:
        """Return the annotations of the time and with the tags asked for, newest first."""
        start, end = int(request.param("from", "0")), int(request.param("to", "9" * 15))
        tags = set(request.query.get("tags", []))
        is_any = request.param("matchAny") == "true"
        rows = [
            (number, row)
            for number, row in enumerate(self.annotations, 1)
            if row["time"] <= end and row.get("timeEnd", row["time"]) >= start
        ]
        if tags:
            rows = [(n, row) for n, row in rows if (tags & set(row["tags"]) if is_any else tags <= set(row["tags"]))]
        rows.sort(key=lambda pair: -int(pair[1]["time"]))
        return rows[: int(request.param("limit", "0")) or _MAX_LISTED]


def _shape(number: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Shape one annotation."""
    dashboard = row.get("dashboardUID")
    return {
        "id": number,
        "alertId": 0,
        "alertName": "",
        "dashboardId": 1 if dashboard else 0,
        "dashboardUID": dashboard,
        "panelId": 0,
        "userId": 0,
        "newState": "",
        "prevState": "",
        "created": row["time"],
        "updated": row["time"],
        "time": row["time"],
        "timeEnd": row.get("timeEnd", row["time"]),
        "text": row["text"],
        "tags": row["tags"],
        "login": "sandbox",
        "email": "",
        "avatarUrl": "",
        "data": {},
    }


def main() -> None:
    """Serve until interrupted; --data is a JSON file with `rules` and `annotations`; GRAFANA_TOKEN is the token."""
    parser = argparse.ArgumentParser(prog="python -m infra.local.sandboxes.grafana.server", description=main.__doc__)
    parser.add_argument("--port", type=int, default=0, help="with 0 the system chooses")
    parser.add_argument("--data", type=Path, help="what Grafana has")
    parser.add_argument("--token", default=os.environ.get("GRAFANA_TOKEN"))
    args = parser.parse_args()
    held = json.loads(args.data.read_text()) if args.data else {}
    GrafanaSandbox(args.port, token=args.token, **held).serve_until_interrupted()


if __name__ == "__main__":
    main()
