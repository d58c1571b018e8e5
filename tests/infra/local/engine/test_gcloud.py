"""The installed Cloud SDK against the engine: with endpoint overrides gcloud works unchanged."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra import bundle
from infra.local.engine.server import EngineServer

GCLOUD = shutil.which("gcloud")
TIMEOUT_S = 60
SLEEPER = "- nap: {call: sys.sleep, args: {seconds: 600}}\n"

Gcloud = Callable[..., Any]

pytestmark = pytest.mark.skipif(
    GCLOUD is None, reason="gcloud is not on the PATH: install the Google Cloud SDK (https://cloud.google.com/sdk)"
)


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineServer]:
    """Serve an engine without deployments."""
    with EngineServer(project="laptop") as server:
        yield server


@pytest.fixture
def gcloud(engine: EngineServer, tmp_path: Path) -> Gcloud:
    """Run `gcloud workflows …` against the engine and return its decoded JSON output."""
    url = f"{engine.http_url}/"
    settings = {
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWS": url,
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_WORKFLOWEXECUTIONS": url,
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_PROJECT": "laptop",
        "CLOUDSDK_WORKFLOWS_LOCATION": "us-central1",
    }

    def run(*arguments: str) -> Any:
        command = [GCLOUD or "gcloud", "workflows", *arguments, "--format=json"]
        environment = {**os.environ, **settings}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, cwd=bundle.ROOT, check=False
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_incident_workflow_is_deployed_and_run(gcloud: Gcloud, upstream: Any) -> None:
    """`deploy` sets the functions' URLs, `run` waits for the end, `describe` shows the same execution."""
    called = ("incident_detection", "post_process")
    variables = ",".join(f"{name}={upstream.url}/{name}" for name in called)
    for _ in ("read", "judge"):
        upstream.reply(200, {"needs_response": False})
    upstream.reply(200, {"kind": "dismissed"})

    source = "--source=workflows/incident.workflows.yaml"
    deployed = gcloud("deploy", "incident", source, f"--set-env-vars={variables}")
    ended = gcloud("run", "incident", '--data={"alert": {"service_name": "shop"}}', "--labels=service_name=shop")
    described = gcloud("executions", "describe", ended["name"].rpartition("/")[2], "--workflow=incident")

    assert deployed["state"] == "ACTIVE"
    assert (ended["state"], json.loads(ended["result"])) == ("SUCCEEDED", {"kind": "dismissed"})
    assert described == ended
    paths = [request["path"] for request in upstream.requests]
    assert paths == ["/incident_detection", "/incident_detection", "/post_process"]


def test_running_execution_is_listed_and_cancelled(gcloud: Gcloud, tmp_path: Path) -> None:
    """`execute` returns at once, `list` shows it running, `cancel` ends it."""
    source = tmp_path / "sleeper.workflows.yaml"
    source.write_text(SLEEPER, encoding="utf-8")

    gcloud("deploy", "sleeper", f"--source={source}")
    started = gcloud("execute", "sleeper")
    (listed,) = gcloud("executions", "list", "sleeper")
    cancelled = gcloud("executions", "cancel", started["name"].rpartition("/")[2], "--workflow=sleeper")

    assert listed["name"] == started["name"]
    assert listed["state"] == "ACTIVE"
    assert cancelled["state"] == "CANCELLED"
