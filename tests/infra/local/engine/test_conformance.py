"""The engine against the small workflows with known results that lie beside the project, when they do."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.local.engine import DefinitionRejected, WorkflowError, load, run

CASES = Path(__file__).resolve().parents[5] / "shared" / "workflows-conformance"
MOCK = "http://127.0.0.1:9911"
DOUBTS = {
    "e05_executions_map": "calls a workflow 'child' that is deployed nowhere: Workflows would fail it too",
}
"""Cases the documentation speaks against, with the reason."""

FILES = sorted(CASES.glob("*.workflows.yaml")) if CASES.is_dir() else []

pytestmark = pytest.mark.skipif(not FILES, reason=f"no conformance cases at {CASES.name!r} beside the project")


@pytest.fixture(scope="module")
def mock() -> Iterator[None]:
    """Run the server the cases call."""
    process = subprocess.Popen([sys.executable, str(CASES / "mockserver.py"), "9911"], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not _answers() and time.monotonic() < deadline:
        pass
    yield
    process.terminate()
    process.wait()


def _answers() -> bool:
    try:
        return requests.get(f"{MOCK}/reset", timeout=0.2).ok
    except requests.RequestException:
        return False


@pytest.mark.parametrize("file", FILES or [CASES], ids=lambda file: file.name.partition(".")[0])
@pytest.mark.usefixtures("mock")
def test_case_ends_as_its_meta_line_says(file: Path) -> None:
    """The result, the error or the refusal is the expected one."""
    if (doubt := DOUBTS.get(file.name.partition(".")[0])) is not None:
        pytest.xfail(doubt)
    text = file.read_text(encoding="utf-8")
    meta = json.loads(text.splitlines()[0].removeprefix("# META "))
    requests.get(f"{MOCK}/reset", timeout=5)
    started = time.monotonic()

    outcome, value = _outcome(text, meta["args"])

    if outcome == "rejected":
        assert meta["reject"] in {True, None}, value
    elif outcome == "failed":
        assert meta["reject"] is not True
        assert meta["err"], value
        assert all(part in json.dumps(value) for part in meta["err"])
    else:
        assert meta["reject"] is not True
        _check(meta, value, time.monotonic() - started)


def _outcome(text: str, argument: object) -> tuple[str, Any]:
    try:
        workflow = load(text)
    except DefinitionRejected as error:
        return "rejected", str(error)
    try:
        return "returned", run(workflow, argument, environment={"GOOGLE_CLOUD_PROJECT_ID": "local"})
    except WorkflowError as error:
        return "failed", error.value


def _check(meta: dict[str, Any], result: Any, seconds: float) -> None:
    assert not meta["err"], result
    if meta["check"]:
        assert eval(meta["check"], {"r": result, "t": seconds}), result
    else:
        assert (result, type(result)) == (meta["expect"], type(meta["expect"]))
