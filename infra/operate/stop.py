"""
Stop everything at once, without a deployment, and let it go on: nothing that arrives meanwhile is lost.

Stopped are, in this order: new investigations, by a maintenance window for every service, which holds alerts, a test of
the connection and what a person starts in the console alike; mails and retries, as the sweeper's job is paused; and
what runs, as its executions are cancelled. An approval that a person has not given yet ends with its execution. `go_on`
removes the window and resumes the job: held alerts that still fire are investigated, the others are listed in one
message, and cancelled incidents are published with the results so far.
"""

import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console

from infra.operate import maintenance_windows
from shared import clock
from shared.admission import maintenance

SWEEPER = "incident-copilot-incident-sweeper"
"""Name of the sweeper's job of Cloud Scheduler, as infra/gcp/scheduler.tf makes it."""
WORKFLOW = "incident"
MAX_CANCELLED = 1_000

Command = list[str]


class StopFailed(Exception):
    """A command failed; the message says which, and what is stopped already."""


@dataclass(frozen=True)
class Place:
    """A deployed system."""

    project: str
    region: str

    def job(self, verb: str) -> Command:
        """Return the command that pauses or resumes the sweeper."""
        return ["gcloud", "scheduler", "jobs", verb, SWEEPER, f"--location={self.region}", f"--project={self.project}"]

    def running(self) -> Command:
        """Return the command that lists the executions that run."""
        command = ["gcloud", "workflows", "executions", "list", WORKFLOW, "--filter=state=ACTIVE"]
        command += [f"--limit={MAX_CANCELLED}", "--format=json(name)"]
        return [*command, f"--location={self.region}", f"--project={self.project}"]

    def cancel(self, execution: str) -> Command:
        """Return the command that ends one execution."""
        where = [f"--workflow={WORKFLOW}", f"--location={self.region}", f"--project={self.project}"]
        return ["gcloud", "workflows", "executions", "cancel", execution, *where]


def stop(place: Place | None, hours: float, console: Console) -> int:
    """Stop a deployed system, or hold the laptop's alerts. Raises StopFailed and what a store raises."""
    now = clock.now()
    window = {"name": maintenance.STOP, "matchers": {"service_name": "*"}, "start": now.isoformat()}
    window["until"] = (now + timedelta(hours=hours)).isoformat()
    maintenance_windows.run(json.dumps(window), None, place.project if place else None, console)
    console.print(f"New alerts are held for {hours:g} hours.")
    if place is None:
        console.print("What runs goes on; Ctrl-C in the terminal of `make local` ends it.")
        return 0
    _run(place.job("pause"), "new alerts are held")
    running = json.loads(_run(place.running(), "nothing is sent") or "[]")
    executions = [execution["name"].rpartition("/")[2] for execution in running]
    for execution in executions:
        _run(place.cancel(execution), "nothing is sent")
    console.print(f"The sweeper is paused, {len(executions)} executions are cancelled. `make resume` undoes the stop.")
    return 0


def go_on(place: Place | None, console: Console) -> int:
    """Undo a stop. Raises StopFailed and what a store raises."""
    if place is not None:
        _run(place.job("resume"), "everything still")
    return maintenance_windows.run(None, maintenance.STOP, place.project if place else None, console)


def _run(command: Sequence[str], so_far: str) -> str:
    """Run a command, which is printed; return what it printed."""
    print("+", shlex.join(command), flush=True)
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise StopFailed(f"{command[0]} cannot be run ({error.strerror}). Stopped so far: {so_far}") from None
    if done.returncode:
        raise StopFailed(f"{shlex.join(command)}: {done.stderr.strip()}. Stopped so far: {so_far}")
    return done.stdout
