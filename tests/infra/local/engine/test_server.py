"""The server as a process, and the whole incident workflow on it."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from infra import bundle
from infra.local.engine.server import EngineServer

ROOT = bundle.ROOT


def test_the_process_says_where_it_listens_and_stops_when_told(tmp_path: Path) -> None:
    """One line of JSON, then both doors are open; SIGTERM ends it cleanly."""
    file = tmp_path / "a.workflows.yaml"
    file.write_text("- r: {return: '${sys.get_env(\"K\")}'}", encoding="utf-8")
    command = [sys.executable, "-m", "infra.local.engine.server", "--workflow", f"a={file}", "--env", "K=v=w"]
    process = subprocess.Popen(
        [*command, "--project", "p"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process.stdout, process.stderr:
        where = json.loads(process.stdout.readline())

        url = f"{where['http']}/v1/projects/p/locations/us-central1/workflows/a"
        found = requests.get(url, timeout=5).json()
        host, port = where["grpc"].split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        process.send_signal(signal.SIGTERM)

        assert found["userEnvVars"] == {"K": "v=w"}
        assert process.wait(10) == 0
        assert "Everything is in memory" in process.stderr.read()


def test_a_wrong_workflow_is_told_and_nothing_starts(tmp_path: Path) -> None:
    """The message names file, routine and step."""
    file = tmp_path / "wrong.yaml"
    file.write_text("- r: {retrun: 1}", encoding="utf-8")
    command = [sys.executable, "-m", "infra.local.engine.server", "--workflow", f"a={file}"]

    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=30, env={**os.environ}, check=False
    )

    assert ended.returncode == 1
    assert "wrong.yaml" in ended.stderr
    assert "step 'r' (line 1)" in ended.stderr


def test_a_taken_port_is_an_error() -> None:
    """Two engines never share a door."""
    with EngineServer() as first:
        with pytest.raises(OSError, match="in use"):
            EngineServer(http_port=int(first.http_url.rpartition(":")[2]))
        with pytest.raises(OSError, match="gRPC cannot listen"):
            EngineServer(grpc_port=int(first.grpc_address.rpartition(":")[2]))
