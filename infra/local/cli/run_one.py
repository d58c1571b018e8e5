"""`make run`: one function alone, from its bundle, under functions-framework, with a request to send it."""

import contextlib
import functools
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import yaml
from rich.console import Console

from infra import bundle
from infra.evals import scenario
from infra.evals.run_scenario import Played, play
from infra.local.stack import processes
from infra.local.stack.processes import Service, StartFailed
from shared import clock
from shared.bounds import Contract
from shared.contracts import Alert, Branch
from shared.errors import Rejected
from shared.step import steps
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import IncidentRecord, Run

FOLDER = Path(".local") / "run"
SCENARIO = "python_regression"
START_TIMEOUT_S = 60.0
TRACES = "traces.sqlite3"
NONCE = "of-a-request-by-hand"


def run(name: str, port: int, console: Console) -> NoReturn:
    """
    Run the function `name` until it is interrupted, with the settings of the environment; print what to send it.

    Its traces go to a file below FOLDER. Raises Rejected when there is no such function, StartFailed.
    """
    if name not in bundle.names():
        raise Rejected(f"there is no function {name!r}; NAME is one of {', '.join(bundle.names())}")
    folder = FOLDER / name
    # Answers of an earlier run would be repeated instead of given anew.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    body = sample(name, folder / TRACES)
    service = start(name, port, folder, os.environ)
    try:
        processes.wait_listening(service, START_TIMEOUT_S)
        console.print(f"{name} listens on {service.url}; its log is {service.log}. Ctrl-C ends it.", soft_wrap=True)
        for line in _how_to_call(folder, service.url, body):
            console.print(line, soft_wrap=True, highlight=False, markup=False)
        service.process.wait()
        # Only Ctrl-C ends it in order; a port that another program has, for example, ends it by itself.
        raise StartFailed(f"{name} ended with {service.process.returncode}:\n{service.tail()}")
    finally:
        processes.stop([service])


def sample(name: str, traces_path: Path) -> dict[str, Any] | None:
    """
    Return a request for a function: for a step, what it gets in a known incident; None when none can be made.

    The incident is played offline, in this process, so that every step before has really answered. A step that writes
    believes the trace alone: its incident is stored in the file `traces_path`, which its function must use.
    """
    if name == "incident_sweeper":
        return {}
    row = steps.BY_NAME.get(name)
    if row is None:
        return None
    played = _played()
    answers: dict[str, Contract | None] = {
        "incident": played.incident,
        "root_causes": played.root_causes,
        "suggestions": played.suggestions,
        "code_analysis": played.code,
        "solution": played.solution,
        "branch": Branch(status="skipped", message="This branch was made up for a request by hand."),
    }
    if row.writes is None:
        facts = {field: answer for field, answer in answers.items() if field in row.request.model_fields}
        body: dict[str, Any] = row.request.model_validate({"alert": played.alert, **facts}).model_dump(mode="json")
        return body
    _store(played.alert, answers, traces_path)
    return {"incident": played.alert.model_dump(mode="json") | {"nonce": NONCE}}


def _store(alert: Alert, answers: Mapping[str, Contract | None], traces_path: Path) -> None:
    """Write an incident to a trace file, with an answer of each step."""
    moment, opened = clock.now(), {**alert.model_dump(mode="json"), "nonce": NONCE}
    store = EmbeddedTraces(EmbeddedSettings(traces_path=traces_path))
    store.open_incident(IncidentRecord(alert.incident_id, alert.service_name, "open", moment, moment, opened))
    for row in steps.STEPS:
        if answer := answers.get(row.field or ""):
            store.record_run(alert.incident_id, Run(row.agent, moment, moment, {}, answer.model_dump(mode="json")))
    store.close()


@functools.cache
def _played() -> Played:
    with contextlib.redirect_stdout(io.StringIO()):
        return play(next(each for each in scenario.load() if each.name == SCENARIO))


def start(name: str, port: int, folder: Path, env: Mapping[str, str]) -> Service:
    """Start the function from its bundle with the settings in `env`; its log, and its traces, go into `folder`."""
    built = bundle.write(name, folder / "bundles")
    manifest = yaml.safe_load((built.folder / "function.yaml").read_text(encoding="utf-8"))
    command = processes.function_command(built.folder, manifest, port, manifest["timeout_s"])
    traces = {"TRACES_PROVIDER": "embedded", "TRACES_PATH": str((folder / TRACES).resolve())}
    whole_env = {**traces, **env, "PYTHONUNBUFFERED": "1"}
    return processes.start(name, command, port, folder, whole_env, built.folder)


def _how_to_call(folder: Path, url: str, body: dict[str, Any] | None) -> list[str]:
    if body is None:
        return [f"curl {url}"]
    path = folder / "request.json"
    path.write_text(json.dumps(body, indent=2), encoding="utf-8")
    return [f"curl --json @{path} {url}"]
