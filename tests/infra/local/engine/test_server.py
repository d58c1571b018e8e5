"""The server as a process."""

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


def test_process_prints_its_addresses_and_stops_on_sigterm(tmp_path: Path) -> None:
    """After one line of JSON both servers accept connections; SIGTERM exits with status 0."""
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
        addresses = json.loads(process.stdout.readline())

        url = f"{addresses['http']}/v1/projects/p/locations/us-central1/workflows/a"
        workflow = requests.get(url, timeout=5).json()
        host, port = addresses["grpc"].split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        process.send_signal(signal.SIGTERM)

        assert workflow["userEnvVars"] == {"K": "v=w"}
        assert process.wait(10) == 0
        assert "Everything is in memory" in process.stderr.read()


def test_invalid_workflow_is_reported_and_nothing_starts(tmp_path: Path) -> None:
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


def test_port_in_use_is_an_error() -> None:
    """Two engines never share a port."""
    with EngineServer() as first:
        with pytest.raises(OSError, match="in use"):
            EngineServer(http_port=int(first.http_url.rpartition(":")[2]))
        with pytest.raises(OSError, match="gRPC cannot listen"):
            EngineServer(grpc_port=int(first.grpc_address.rpartition(":")[2]))
