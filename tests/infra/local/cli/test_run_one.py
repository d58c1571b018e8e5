"""One function alone, with a request that it accepts."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from infra.bundle import ROOT
from infra.local.cli import run_one
from infra.local.stack import processes
from shared.contracts import StepCall
from shared.step import incident_facts
from shared.step.steps import STEPS, StepRow
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces


@pytest.mark.parametrize("row", STEPS, ids=lambda row: row.name)
def test_every_step_gets_a_request_it_accepts(row: StepRow, tmp_path: Path) -> None:
    """Whoever changes a step can try it without the seven others; one that writes reads the sample from its trace."""
    body = run_one.sample(row.name, tmp_path / "traces.sqlite3")
    assert body is not None

    if row.writes is None:
        assert row.request.model_validate(body).incident_id.startswith("inc-")
        return
    store = EmbeddedTraces(EmbeddedSettings(traces_path=tmp_path / "traces.sqlite3"))
    call = StepCall.model_validate(body)
    facts = incident_facts.read(store, row, call)
    assert incident_facts.request_of(row, call, facts).incident_id == call.incident.incident_id
    store.close()


def test_function_that_is_no_step_has_no_sample(tmp_path: Path) -> None:
    """It is only started."""
    assert run_one.sample("pr_approval", tmp_path / "traces.sqlite3") is None


def test_unknown_function_is_rejected_with_the_names_there_are(tmp_path: Path) -> None:
    """A typing error costs no search."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.local", "run", "rac"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip

    assert done.returncode == 1
    assert "there is no function 'rac'" in " ".join(done.stdout.split())
    assert "code_analyzer" in done.stdout


def test_running_function_answers_the_printed_request_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    """What it prints is what to type."""
    port = processes.free_port()
    command = [sys.executable, "-m", "infra.local", "run", "suggestion", "--port", str(port)]
    output = tmp_path / "output.txt"
    with output.open("w") as out:
        running = subprocess.Popen(
            command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=out, stderr=out
        )
    try:
        while "curl --json" not in output.read_text() and running.poll() is None:
            time.sleep(0.2)
        body = (tmp_path / ".local" / "run" / "suggestion" / "request.json").read_bytes()
        answer = requests.post(
            f"http://127.0.0.1:{port}", body, headers={"Content-Type": "application/json"}, timeout=60
        )
        running.send_signal(signal.SIGINT)
        running.wait(60)
    finally:
        running.kill()

    assert answer.json()["suggestions"], output.read_text()
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}", timeout=5)


def test_port_of_another_program_is_an_error_with_the_log(tmp_path: Path) -> None:
    """Whoever listens there already would answer the request instead."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "infra.local", "run", "rca", "--port", str(taken.getsockname()[1])]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300)

    assert done.returncode == 1
    assert "StartFailed: rca ended with" in done.stdout
