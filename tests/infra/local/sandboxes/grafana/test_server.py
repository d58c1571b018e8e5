"""The Grafana sandbox: the wire format of annotations and rules."""

from typing import Any

import pytest
import requests

from infra.local.sandboxes.grafana.server import GrafanaSandbox

MARKS = [
    {"time": 1000, "text": "a", "tags": ["deploy", "shop"]},
    {"time": 3000, "text": "b", "tags": ["deploy"], "timeEnd": 9000, "dashboardUID": "d"},
    {"time": 2000, "text": "c", "tags": ["release"]},
]


@pytest.mark.parametrize(
    ("params", "texts"),
    [
        ({}, "bca"),
        ({"tags": ["deploy", "shop"]}, "a"),
        ({"tags": ["deploy", "release"], "matchAny": "true"}, "bca"),
        ({"from": 1500, "to": 2500}, "c"),
        ({"from": 5000, "to": 6000}, "b"),
        ({"limit": 1}, "b"),
    ],
)
def test_annotations_are_filtered_as_grafana_does(params: dict[str, Any], texts: str) -> None:
    """All tags unless any will do, regions by any part of them, newest first."""
    with GrafanaSandbox(annotations=MARKS) as sandbox:
        rows = requests.get(f"{sandbox.url}/api/annotations", params, timeout=5).json()

    assert "".join(row["text"] for row in rows) == texts
    assert {"id", "time", "timeEnd", "tags", "dashboardUID", "created"} <= rows[0].keys()


def test_only_the_token_is_admitted() -> None:
    """And an unknown rule is not there."""
    with GrafanaSandbox(token="t", rules={"abc": {"uid": "abc"}}) as sandbox:
        codes = [
            requests.get(f"{sandbox.url}/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=5).status_code
            for path, token in (
                ("api/annotations", "x"),
                ("api/v1/provisioning/alert-rules/abc", "t"),
                ("api/v1/provisioning/alert-rules/z", "t"),
            )
        ]

    assert codes == [401, 200, 404]
