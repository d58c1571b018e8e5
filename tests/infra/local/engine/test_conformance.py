"""The engine against conformance cases stored next to the project: in process, over REST and over gRPC."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import requests
from google.cloud.workflows import executions_v1
from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport

from infra import bundle
from infra.local.engine import DefinitionRejected, WorkflowError, load, run
from infra.local.engine.api.errors import InvalidArgument
from infra.local.engine.server import EngineServer

CASES = bundle.ROOT.parent / "shared" / "workflows-conformance"
MOCK = "http://127.0.0.1:9911"
CONTRADICTED = {
    "e05_executions_map": "calls a workflow 'child' that is not deployed: Workflows would fail too",
}
"""Cases that contradict the documentation, with the reason."""

OVER_GRPC = ("a01", "a15", "b01", "b06", "b10", "c01", "c07", "d02", "d06", "f13")
"""One of each kind: gRPC differs from REST only in its encoding."""

Outcome = tuple[str, Any]
RunCase = Callable[[str, object], Outcome]

FILES = sorted(CASES.glob("*.workflows.yaml")) if CASES.is_dir() else []

pytestmark = pytest.mark.skipif(not FILES, reason=f"no conformance cases in {CASES.name!r} next to the project")


@pytest.fixture(scope="module")
def mock() -> Iterator[None]:
    """Run the server that the cases call."""
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


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineServer]:
    """Serve the engine for every case of this module."""
    with EngineServer() as server:
        yield server


def _check_case(file: Path, run_case: RunCase) -> None:
    """Run a case; its outcome must match the META line at its top."""
    if (reason := CONTRADICTED.get(file.name.partition(".")[0])) is not None:
        pytest.xfail(reason)
    text = file.read_text(encoding="utf-8")
    meta = json.loads(text.splitlines()[0].removeprefix("# META "))
    requests.get(f"{MOCK}/reset", timeout=5)
    started = time.monotonic()

    outcome, value = run_case(text, meta["args"])

    if outcome == "rejected":
        assert meta["reject"] in {True, None}, value
    elif outcome == "failed":
        assert meta["reject"] is not True
        assert meta["err"], value
        assert all(part in json.dumps(value) for part in meta["err"])
    else:
        assert meta["reject"] is not True
        _check_result(meta, value, time.monotonic() - started)


def _check_result(meta: dict[str, Any], result: Any, seconds: float) -> None:
    assert not meta["err"], result
    if meta["check"]:
        assert eval(meta["check"], {"r": result, "t": seconds}), result
    else:
        assert (result, type(result)) == (meta["expect"], type(meta["expect"]))


cases = pytest.mark.parametrize("file", FILES or [CASES], ids=lambda file: file.name.partition(".")[0])


@cases
@pytest.mark.usefixtures("mock")
def test_case_matches_its_meta_line_in_process(file: Path) -> None:
    """The result, the error or the rejection is the expected one."""

    def in_process(text: str, argument: object) -> Outcome:
        try:
            return "returned", run(load(text), argument, environment={"GOOGLE_CLOUD_PROJECT_ID": "local"})
        except DefinitionRejected as error:
            return "rejected", str(error)
        except WorkflowError as error:
            return "failed", error.value

    _check_case(file, in_process)


@cases
@pytest.mark.usefixtures("mock")
def test_case_matches_its_meta_line_over_rest(file: Path, engine: EngineServer) -> None:
    """Deployed, started and read with Google's API; a result without a JSON form fails, as at Google."""
    if file.name.startswith("a26"):
        pytest.xfail("returns bytes, which an execution cannot: they have no JSON form")

    def rest(text: str, argument: object) -> Outcome:
        place, name = f"{engine.http_url}/v1/{engine.name('x').rpartition('/')[0]}", file.name.partition(".")[0]
        created = requests.post(place, json={"sourceContents": text}, params={"workflowId": name}, timeout=10)
        if created.status_code == 400:
            return "rejected", created.json()["error"]["message"]
        started = requests.post(f"{place}/{name}/executions", json={"argument": json.dumps(argument)}, timeout=10)
        url = f"{engine.http_url}/v1/{started.json()['name']}"
        return _outcome(lambda: requests.get(url, timeout=10).json())

    _check_case(file, rest)


def _outcome(read: Callable[[], dict[str, Any]]) -> Outcome:
    deadline = time.monotonic() + 60
    while (execution := read())["state"] == "ACTIVE":
        assert time.monotonic() < deadline
    if execution["state"] == "FAILED":
        return "failed", json.loads(execution["error"]["payload"])
    return "returned", json.loads(execution["result"])


@pytest.mark.parametrize(
    "file", [file for file in FILES if file.name[:3] in OVER_GRPC] or [CASES], ids=lambda file: file.name[:3]
)
@pytest.mark.usefixtures("mock")
def test_case_matches_its_meta_line_over_grpc(file: Path, engine: EngineServer) -> None:
    """Google's own client library starts it and reads its result."""

    def by_client(text: str, argument: object) -> Outcome:
        try:
            engine.deploy(f"{file.name[:3]}-grpc", text)
        except InvalidArgument as error:
            return "rejected", str(error)
        with grpc.insecure_channel(engine.grpc_address) as channel:
            client = executions_v1.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))
            execution = executions_v1.Execution(argument=json.dumps(argument))
            parent = engine.name(f"{file.name[:3]}-grpc")
            name = client.create_execution(parent=parent, execution=execution, timeout=10).name
            return _outcome(lambda: _as_json(client.get_execution(name=name, timeout=10)))

    _check_case(file, by_client)


def _as_json(execution: executions_v1.Execution) -> dict[str, Any]:
    text = executions_v1.Execution.to_json(execution, use_integers_for_enums=False, preserving_proto_field_name=True)
    decoded: dict[str, Any] = json.loads(text)
    return decoded
