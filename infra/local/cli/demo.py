"""`make demo`: send one alert through the whole local stack, show it step by step, and keep every result on disk."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
from rich.console import Console
from rich.live import Live
from rich.text import Text

from infra import bundle
from infra.local.cli import progress
from infra.local.engine.client import EngineClient, IncidentExecution
from infra.local.scenarios.build import Built, build, from_case
from infra.local.stack.model_choice import ModelChoice
from infra.local.stack.stack import LOCATION, PROJECT, Options, Stack
from shared import clock
from shared.errors import Rejected
from shared.step import steps
from shared.traces.entries import TraceDocument
from shared.traces.port import TraceStore

SCENARIO = bundle.ROOT / "infra/local/scenarios/checkout_regression"
WORKFLOW = f"projects/{PROJECT}/locations/{LOCATION}/workflows/incident"
DEPENDENCIES = ("loki", "prometheus", "github", "gmail", "hook", "gemini", "engine", "bus", "firestore")
INCIDENT_TIMEOUT_S = 600.0
POLL_S = 0.15


@dataclass(frozen=True)
class DemoOptions:
    """What to show: the built-in scenario or a recorded case, and which services to stop before the alert."""

    output: Path = Path("output")
    case: Path | None = None
    repo_git: Path | None = None
    without: tuple[str, ...] = ()
    has_emulators: bool = False
    model: ModelChoice = field(default_factory=ModelChoice)


def run(options: DemoOptions, console: Console) -> int:
    """Run the demo; return 0 when a channel took the incident's outcome and every printed path exists."""
    _check(options)
    began = clock.now()
    folder = (options.output / f"run-{began:%Y%m%d-%H%M%S}-{began.microsecond:06d}").resolve()
    folder.mkdir(parents=True)
    console.print(Text.assemble(("Incident CoPilot", "bold"), f": everything of this run goes to {_relative(folder)}"))
    built = _build(options, folder)
    console.print(f"Starting sandboxes, Pub/Sub, workflow engine and functions (service {built.service_name}) …")
    with Stack(folder, built, Options(has_emulators=options.has_emulators, model=options.model)) as stack:
        started_s = (clock.now() - began).total_seconds()
        console.print(f"{len(stack.services)} processes are up after {started_s:.1f} s.")
        for name in options.without:
            stack.end(name)
            console.print(Text(f"{name} was stopped before the alert.", "yellow"))
        with stack.traces() as traces:
            return _one_alert(stack, traces, folder, console)


def _check(options: DemoOptions) -> None:
    """Raise Rejected for wrong options, which would otherwise fail only after everything has been started."""
    unknown = sorted(set(options.without) - set(bundle.names()) - set(DEPENDENCIES))
    if unknown:
        names = ", ".join([*DEPENDENCIES, *bundle.names()])
        raise Rejected(f"WITHOUT names {', '.join(unknown)}, but the services are {names}")
    if options.repo_git is not None and options.case is None:
        raise Rejected("REPO is the repository of a recorded incident: give CASE too")
    if options.model.fault and options.model.provider != "sandbox":
        raise Rejected("FAULT is a failure of the model sandbox: give MODEL=sandbox too")


def _build(options: DemoOptions, folder: Path) -> Built:
    if options.case is None:
        return build(SCENARIO, folder / "scenario", clock.now())
    return from_case(options.case, folder / "scenario", options.repo_git)


def _one_alert(stack: Stack, traces: TraceStore, folder: Path, console: Console) -> int:
    alerted = time.monotonic()
    incident_id = post_alert(stack, stack.built.alert)
    console.print(Text.assemble("Alert accepted: ", (incident_id, "bold")))
    execution = _watch(stack, traces, incident_id, console)
    seconds = time.monotonic() - alerted
    trace = traces.document(incident_id)
    (folder / "trace.json").write_text(json.dumps(trace, indent=2, ensure_ascii=False), encoding="utf-8")
    return _conclude(folder, incident_id, execution, trace, seconds, console)


def post_alert(stack: Stack, alert: Path) -> str:
    """Post an alert body to alert_intake as Grafana would; return the id of its first incident."""
    response = requests.post(
        stack.intake_url,
        data=alert.read_bytes(),
        headers={"Content-Type": "application/json", "X-Webhook-API-Key": stack.options.api_key},
        timeout=30,
    )
    if response.status_code != 202:
        raise SystemExit(f"alert_intake answered {response.status_code}: {response.text[:500]}")
    return str(response.json()["incidents"][0]["incident_id"])


def _watch(stack: Stack, traces: TraceStore, incident_id: str, console: Console) -> IncidentExecution | None:
    engine = EngineClient(stack.services["engine"].url, WORKFLOW)
    deadline = time.monotonic() + INCIDENT_TIMEOUT_S
    execution: IncidentExecution | None = None
    with Live(console=console, refresh_per_second=8) as live:
        while time.monotonic() < deadline:
            execution = engine.execution(incident_id)
            trace = traces.document(incident_id)
            is_over = execution is not None and execution.is_over
            running = engine.running_steps(execution) if execution and not is_over else set()
            has_failed = is_over and execution is not None and execution.state != "SUCCEEDED"
            rows = progress.rows(trace, running, is_over, has_failed)
            live.update(progress.steps(rows, f"Workflow execution of {incident_id}"))
            if is_over or (trace and trace.get("outcome") and (execution is None or _waits_for_a_person(trace))):
                break
            time.sleep(POLL_S)
    return execution


def _waits_for_a_person(trace: TraceDocument) -> bool:
    """Return whether nothing goes on before somebody approves, which may take hours."""
    return _answers(trace).get(steps.PR_CREATOR.agent, {}).get("status") == "awaiting_approval"


def _answers(trace: TraceDocument) -> dict[str, dict[str, Any]]:
    """Return the newest answer of each agent."""
    return {agent: runs[-1]["agent_response"] or {} for agent, runs in trace["traces"].items() if runs}


def _conclude(
    folder: Path,
    incident_id: str,
    execution: IncidentExecution | None,
    trace: TraceDocument | None,
    seconds: float,
    console: Console,
) -> int:
    outcome = trace["outcome"] if trace else None
    if trace is None or outcome is None:
        state = f"{execution.state} {execution.error[:500]}" if execution else "no execution was started"
        head = (f"No outcome after {seconds:.1f} s", "red")
        console.print(Text.assemble(head, f": {state}. Logs: {_relative(folder / 'logs')}"))
        return 1
    console.print(Text.assemble("\n", (outcome["kind"], "bold"), f" outcome {seconds:.1f} s after the alert."))
    for failure in outcome["failures"]:
        console.print(
            Text.assemble("  ", (failure["step"], "yellow"), f": {failure['error_type']}: {failure['message']}")
        )
    missing = outcome["kind"] == "undelivered"
    if missing:
        _explain_undelivered(outcome, console)
    for label, where, path in _places(folder, incident_id, trace):
        missing |= path is not None and not path.exists()
        console.print(f"  {label:<12} {where}", soft_wrap=True, highlight=False, markup=False)
    return int(missing)


def _explain_undelivered(outcome: dict[str, Any], console: Console) -> None:
    """Say which channels did not take the brief, and what becomes of it."""
    tried = {name: status for name, status in outcome["deliveries"].items() if status != "off"}
    named = {name: status for name, status in tried.items() if name not in outcome["receipts"]}
    channels = ", ".join(f"{name} {status}" for name, status in named.items()) or "no channel is set up"
    console.print(Text.assemble(("Undelivered", "red"), f": nobody has the brief ({channels})."))
    console.print("incident_sweeper tries again each minute, then in longer pauses.")


def _places(folder: Path, incident_id: str, trace: TraceDocument) -> list[tuple[str, str, Path | None]]:
    """Return the results of the run: label, path or command to print, and the path that must exist."""
    briefs = folder / "briefs" / incident_id
    places: list[tuple[str, str, Path | None]] = []
    for label, path in (("brief", briefs / "brief.html"), ("trace", folder / "trace.json")):
        places.append((label, _relative(path), path))
    places += [("mail", _relative(path), path) for path in sorted((folder / "mail").glob("*.eml"))]
    places += [("hook call", _relative(path), path) for path in sorted((folder / "hook").glob("*.json"))]
    places.append(("logs", f"{_relative(folder / 'logs')}/", folder / "logs"))
    return places + _pull_request(folder, trace)


def _pull_request(folder: Path, trace: TraceDocument) -> list[tuple[str, str, Path | None]]:
    answers = _answers(trace)
    branch, opened = answers.get(steps.FILE_UPDATER.agent, {}), answers.get(steps.PR_CREATOR.agent, {})
    places: list[tuple[str, str, Path | None]] = []
    if branch.get("commit"):
        repo = folder / "scenario" / "repo.git"
        places.append(("branch", f"git -C {_relative(repo)} show --stat {branch['branch']}", repo))
    if _waits_for_a_person(trace):
        places.append(("approval", f"{opened['approval_url']}, by the code in the mail; make local keeps it up", None))
    if opened.get("pr_number"):
        record = next(iter(folder.glob("scenario/**/pulls*")), folder / "scenario" / "pulls.json")
        places.append(("pull request", f"#{opened['pr_number']} {opened['message']}, in {_relative(record)}", record))
    return places


def _relative(path: Path) -> str:
    """Return the path relative to the current folder, when it is below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
