"""The telemetry sandboxes as processes of their own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from infra import bundle

ROOT = bundle.ROOT
STREAM = {"stream": {"service_name": "api"}, "values": [["1", "x"]]}
SERIES = {"metric": {"__name__": "up", "service_name": "api"}, "values": [[1, "1"]]}


@pytest.mark.parametrize(
    ("module", "held", "path", "params"),
    [
        ("loki", STREAM, "/loki/api/v1/query_range", {"query": '{service_name="api"}', "start": "0", "end": "1"}),
        ("prometheus", SERIES, "/api/v1/query_range", {"query": "up", "start": "1", "end": "1", "step": "1"}),
    ],
)
def test_a_sandbox_serves_a_file_from_the_command_line(
    tmp_path: Path, module: str, held: dict[str, object], path: str, params: dict[str, str]
) -> None:
    """It prints its URL and serves the content of the file."""
    data = tmp_path / "data.json"
    data.write_text(json.dumps({"data": {"result": [held]}}))
    command = [sys.executable, "-m", f"infra.local.sandboxes.{module}.server", "--port", "0", "--data", str(data)]

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = process.stdout.readline().split()[-1]
            result = requests.get(url + path, params, timeout=5).json()["data"]["result"]
        finally:
            process.terminate()

    assert result == [held]
