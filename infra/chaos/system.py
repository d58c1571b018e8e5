"""The local stack with a proxy before each service, and what a campaign does with it: alerts, faults, sweeps."""

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests
from google.pubsub_v1 import types

from infra import bundle
from infra.chaos.proxy import Fault, FaultProxy
from infra.local.cli.demo import SCENARIO, WORKFLOW
from infra.local.cli.trace_access import file_of
from infra.local.engine.client import EngineClient
from infra.local.pubsub import topics
from infra.local.scenarios.build import build
from infra.local.stack.model_choice import ModelChoice
from infra.local.stack.stack import PROJECT, Options, Stack
from shared import clock
from shared.errors import IncidentCopilotError, Unavailable
from shared.traces.port import IncidentRecord, TraceStore

WORKFLOW_FILE = bundle.ROOT / "workflows" / "incident.workflows.yaml"
WITHIN_S, TIMEOUT_S = 8, 7
"""How long the workflow waits for a step, and after how long functions end: short, so that what hangs costs little."""
SELECTORS = {"LOKI_SELECTOR": '{service_name="$app"}', "PROMETHEUS_SELECTOR": '{service_name="$app"}'}
"""Every alert, whatever its service, is about the scenario's application."""
SETTINGS = {
    **SELECTORS,
    **dict.fromkeys(("LOKI_TIMEOUT_S", "PROMETHEUS_TIMEOUT_S", "GITHUB_TIMEOUT_S", "GMAIL_TIMEOUT_S"), "2"),
    "POST_PROCESS_TIMEOUT_S": "2",
    "POST_PROCESS_FUNCTION_TIMEOUT_S": "9",
    "START_LEASE_SECONDS": "5",
    "WORKFLOW_TIMEOUT_S": "2",
    "INCIDENT_START_SECONDS": "30",
    "INCIDENT_DEADLINE_SECONDS": "120",
    "DELIVERY_RETRY_SECONDS": "1",
    "LAST_MESSAGE_SECONDS": "60",
    # Each alert is of another service and of the same cause: it is to be investigated all the same.
    "MERGE_WINDOW_SECONDS": "0",
    **dict.fromkeys(("INVESTIGATIONS_PER_HOUR", "MAILS_PER_RECIPIENT_PER_HOUR", "MODEL_MAX_COST_USD_PER_DAY"), "10000"),
}
POST_S = 60.0
POISON = (b"\xff no json", b"{}", b'{"incident_id": 7}')


class System:
    """The whole system without its scheduler; enter it to start every process. Raises what Stack raises."""

    def __init__(
        self,
        folder: Path,
        *,
        has_emulators: bool = False,
        is_impatient: bool = True,
        settings: Mapping[str, str] | None = None,
        workers: int = 1,
    ) -> None:
        """
        Options; an impatient one ends soon what hangs, and investigates every alert; `settings` go over its own.

        Each function has `workers` processes.
        """
        self.folder = folder
        self._proxies: dict[str, FaultProxy] = {}
        self._ends = ExitStack()
        self._restarts = threading.Lock()
        built = build(SCENARIO, folder / "scenario", clock.now())
        self._body = json.loads(built.alert.read_text(encoding="utf-8"))
        names = bundle.names()
        self.stack = Stack(
            folder,
            built,
            Options(
                settings={**(SETTINGS if is_impatient else SELECTORS), **(settings or {})},
                has_emulators=has_emulators,
                has_clock=False,
                model=ModelChoice("sandbox"),
                workers=workers,
                timeouts_s=dict.fromkeys(names, TIMEOUT_S) if is_impatient else {},
                workflow=_impatient_workflow(folder) if is_impatient else WORKFLOW_FILE,
                route=self.route,
            ),
        )

    def __enter__(self) -> Self:
        self._ends.enter_context(self.stack)
        for proxy in self._proxies.values():
            self._ends.callback(proxy.stop)
        self.traces: TraceStore = self._ends.enter_context(self.stack.traces())
        self.engine = EngineClient(self.stack.services["engine"].url, WORKFLOW)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ends.close()

    def route(self, name: str, url: str) -> str:
        """Return the URL of the proxy before a service."""
        if name not in self._proxies:
            self._proxies[name] = FaultProxy(name, url, self.kill_and_restart)
        return self._proxies[name].url

    def kill_and_restart(self, name: str) -> None:
        """Kill a service at once, and start it again."""
        with self._restarts:
            self.stack.kill(name)
            self.stack.restart(name)

    def plant(self, fault: Fault) -> None:
        """Let a fault strike from now on."""
        self._proxies[fault.where].plant(fault)

    def clear(self) -> None:
        """End every fault."""
        for proxy in self._proxies.values():
            proxy.clear()

    def post(self, service: str) -> list[str]:
        """Post the scenario's alert as one of `service`, again until it is accepted; return the incidents accepted."""
        return self.post_body(self.body_of(service))

    def body_of(self, service: str) -> dict[str, Any]:
        """Return the scenario's alert as one of `service`, which is the scenario's application under another name."""
        body: dict[str, Any] = json.loads(json.dumps(self._body))
        for alert in body["alerts"]:
            alert["labels"] |= {"service_name": service, "app": "checkout-api"}
            alert["fingerprint"] = service
        return body

    def post_body(self, body: Mapping[str, Any]) -> list[str]:
        """Post a body to the webhook, again until it is accepted; return the incidents accepted."""
        headers = {"X-Webhook-API-Key": self.stack.options.api_key}
        end = time.monotonic() + POST_S
        while time.monotonic() < end:
            with contextlib.suppress(requests.RequestException, ValueError):
                reply = requests.post(self.stack.intake_url, json=body, headers=headers, timeout=10)
                if reply.status_code == 202:
                    return [str(each["incident_id"]) for each in reply.json()["incidents"]]
            time.sleep(0.3)
        return []

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident, or None while it is not there or the store does not answer."""
        try:
            return self.traces.incident(incident_id)
        except IncidentCopilotError:
            return None

    def has_ended(self, incident_id: str) -> bool:
        """Return whether its workflow execution is over."""
        try:
            execution = self.engine.execution(incident_id)
        except Unavailable:
            return False
        return execution is not None and execution.is_over

    def sweep(self) -> None:
        """Sweep as the scheduler would; what it answers does not matter."""
        with contextlib.suppress(requests.RequestException):
            requests.post(self.stack.services["incident_sweeper"].url, json={}, timeout=60)

    @contextlib.contextmanager
    def store_held(self, seconds: float) -> Iterator[None]:
        """Hold the trace store for so long that calls fail or wait; the embedded one by its lock."""
        if "firestore" in self.stack.services:
            with self.stopped("firestore", seconds):
                yield
            return
        is_held = threading.Event()

        def hold() -> None:
            with contextlib.closing(sqlite3.connect(file_of(self.folder), timeout=10)) as connection:
                connection.execute("BEGIN IMMEDIATE")
                is_held.set()
                time.sleep(seconds)

        thread = threading.Thread(target=hold)
        thread.start()
        is_held.wait(15)
        try:
            yield
        finally:
            thread.join()

    @contextlib.contextmanager
    def stopped(self, name: str, seconds: float) -> Iterator[None]:
        """Let a process stand still for so long."""
        pid = self.stack.services[name].process.pid
        os.killpg(pid, signal.SIGSTOP)
        timer = threading.Timer(seconds, os.killpg, (pid, signal.SIGCONT))
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def poison(self) -> None:
        """Publish messages that nothing can handle, as a foreign publisher could."""
        topic = f"projects/{PROJECT}/topics/{topics.ALERTS}"
        with topics.clients(self.stack.bus_address) as (publisher, _):
            publisher.publish(topic=topic, messages=[types.PubsubMessage(data=data) for data in POISON], timeout=10)

    def take_pull_requests(self) -> list[dict[str, Any]]:
        """Return the pull requests of the code host and remove them, with their branches, for the next alert."""
        return take_pull_requests(self.stack, self.traces)


def take_pull_requests(stack: Stack, traces: TraceStore) -> list[dict[str, Any]]:
    """Return the pull requests of the code host and remove them, so that the next may change the same files."""
    assert stack.built.repo_git is not None, "the scenario has a repository"
    repo, stored = stack.built.repo_git, stack.built.repo_git / "pulls.json"
    pulls: list[dict[str, Any]] = []
    if stored.exists():
        content = json.loads(stored.read_text(encoding="utf-8"))
        pulls = content["pulls"]
        stored.write_text(json.dumps({**content, "pulls": []}), encoding="utf-8")
    patched: set[str] = set()
    for branch in (repo / "refs" / "heads" / "incident").glob("*"):
        compared = ["git", "-C", str(repo), "diff", "--name-only", f"main...incident/{branch.name}"]
        patched |= set(subprocess.run(compared, capture_output=True, text=True, check=True).stdout.splitlines())
        branch.unlink()
    for path in patched:
        key = f"patch:{str(stack.built.github_repo).lower()}:{path}"
        with contextlib.suppress(IncidentCopilotError):
            lease = traces.claim(key, "chaos", clock.now())
            traces.release(key, lease.holder)
    return pulls


def _impatient_workflow(folder: Path) -> Path:
    """Write the workflow with short waits for each step; return where."""
    text = WORKFLOW_FILE.read_text(encoding="utf-8")
    path = folder / "incident.workflows.yaml"
    path.write_text(re.sub(r"within: \d+", f"within: {WITHIN_S}", text), encoding="utf-8")
    return path
