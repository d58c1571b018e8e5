"""The system as it is measured: the local stack, every function behind a proxy that can start it at its first call."""

import json
import os
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from infra import bundle
from infra.bench.brief.cold_start import CAN_RAISE, NORMAL, ColdStartProxy
from infra.bench.brief.measured_model import MeasuredModel
from infra.bench.brief.timings import Timing, own_seconds, usage
from infra.chaos.system import take_pull_requests
from infra.local.cli.demo import SCENARIO, WORKFLOW
from infra.local.cli.executions import Engine
from infra.local.cli.timeline import StepSpan
from infra.local.engine.client import EngineClient
from infra.local.sandboxes.gemini.server import API_KEY
from infra.local.scenarios.build import build
from infra.local.stack import processes
from infra.local.stack.stack import Options, Stack
from shared import clock

SERVICE = "checkout-api"
SETTINGS = {
    # Each alert is of another service, about the scenario's application: nothing is a repeat of what came before.
    "LOKI_SELECTOR": '{service_name="$logs_of"}',
    "PROMETHEUS_SELECTOR": '{service_name="$app"}',
    "MERGE_WINDOW_SECONDS": "0",
    **dict.fromkeys(("INVESTIGATIONS_PER_HOUR", "MAILS_PER_RECIPIENT_PER_HOUR", "MODEL_MAX_COST_USD_PER_DAY"), "10000"),
}
CALLED = "incident_detection post_process rca suggestion code_analyzer solution_generator file_updater pr_creator"
WOKEN = {name: 5 + 2 * place for place, name in enumerate(CALLED.split())}
"""
The priorities, as `nice` counts, of processes that were woken and not called yet: the sooner the path calls one, the
higher is its own. So none takes much CPU from one that is needed before it, as none does where each has its own.
"""
TIMEOUT_S = 120.0
POLL_S = 0.1


class Unfinished(Exception):
    """An incident did not go the whole way that is measured: early brief, pull request, full brief."""


class OurSystem:
    """The stack in `folder`, its model `model`; enter it to start every process. Raises what Stack raises."""

    def __init__(self, folder: Path, model: MeasuredModel, *, wakes: bool = True) -> None:
        self._folder, self._model = folder, model
        self._proxies: dict[str, ColdStartProxy] = {}
        self._ends = ExitStack()
        self._count = 0
        built = build(SCENARIO, folder / "scenario", clock.now())
        self._body = json.loads(built.alert.read_text(encoding="utf-8"))
        gemini = {"MODEL_PROVIDER": "gemini", "GEMINI_BASE_URL": model.url, "GEMINI_API_KEY": API_KEY}
        settings = {**SETTINGS, **gemini, "WAKE_FUNCTIONS": str(wakes).lower()}
        self.stack = Stack(folder, built, Options(settings=settings, has_clock=False, route=self._route))

    def __enter__(self) -> Self:
        self._ends.enter_context(self.stack)
        for proxy in self._proxies.values():
            self._ends.callback(proxy.stop)
        self._traces = self._ends.enter_context(self.stack.traces())
        self._engine = EngineClient(self.stack.services["engine"].url, WORKFLOW)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ends.close()

    def _route(self, name: str, url: str) -> str:
        if name not in bundle.names():
            return url
        if name not in self._proxies:
            woken = WOKEN.get(name, NORMAL)
            self._proxies[name] = ColdStartProxy(name, url, self.stack.restart, self._set_priority, woken)
        return self._proxies[name].url

    def _set_priority(self, name: str, priority: int) -> None:
        service = self.stack.services.get(name)
        if CAN_RAISE and service is not None and service.is_running:
            os.setpriority(os.PRIO_PGRP, service.process.pid, priority)

    def sleep(self, penalty_s: float) -> None:
        """Stop every function; each starts again with its first request, after so many seconds."""
        processes.stop([self.stack.services[name] for name in self._proxies])
        for proxy in self._proxies.values():
            proxy.sleep(penalty_s)

    def incident(self, latency_s: float, logs_of: str = SERVICE) -> Timing:
        """Post one alert about the logs of a service, and return what its briefs took. Raises Unfinished."""
        # What the incident before wrote to the code host would be taken for this one's.
        take_pull_requests(self.stack, self._traces)
        self._model.latency_s = latency_s
        self._model.take_calls()
        sent = len(self._mails())
        began = time.time()
        incident_id, accepted = self._post(logs_of), time.time()
        self._wait_over(incident_id)
        mails = self._mails()[sent:]
        calls, steps = self._model.take_calls(), self._steps(incident_id)
        if len(mails) != 2 or "create_pull_request" not in {span.step for span in steps}:
            raise Unfinished(f"{incident_id} took {len(mails)} mails, and {len(steps)} steps of its workflow")
        return Timing(
            accepted_s=accepted - began,
            early_s=mails[0] - accepted,
            full_s=mails[-1] - accepted,
            usage=usage(calls, mails[-1]),
            steps_s=own_seconds(steps, calls),
        )

    def _post(self, logs_of: str) -> str:
        self._count += 1
        service = f"measured-{self._count}"
        body: dict[str, Any] = json.loads(json.dumps(self._body))
        for alert in body["alerts"]:
            alert["labels"] |= {"service_name": service, "app": SERVICE, "logs_of": logs_of}
            alert["fingerprint"] = service
        headers = {"X-Webhook-API-Key": self.stack.options.api_key}
        reply = requests.post(self.stack.intake_url, json=body, headers=headers, timeout=TIMEOUT_S)
        reply.raise_for_status()
        return str(reply.json()["incidents"][0]["incident_id"])

    def _wait_over(self, incident_id: str) -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            execution = self._engine.execution(incident_id)
            if execution is not None and execution.is_over:
                return
            time.sleep(POLL_S)
        raise Unfinished(f"{incident_id} did not end in {TIMEOUT_S:g} s")

    def _steps(self, incident_id: str) -> list[StepSpan]:
        engine = Engine(self.stack.services["engine"].url)
        (execution,) = [each for each in engine.executions() if each.labels["incident_id"] == incident_id]
        return engine.entries(execution)

    def _mails(self) -> list[float]:
        """Return when each mail came, in seconds since 1970."""
        return mail_times(self._folder)


def mail_times(folder: Path) -> list[float]:
    """Return when the Gmail sandbox of a stack took each mail, in seconds since 1970."""
    return sorted(path.stat().st_mtime for path in (folder / "mail").glob("*.eml"))
