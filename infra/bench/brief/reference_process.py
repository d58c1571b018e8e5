"""The reference as it is measured: one process in an own environment, on the sandboxes of a stack."""

import json
import os
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

import requests

from infra import bundle
from infra.bench.brief.cold_start import ColdStartProxy
from infra.bench.brief.measured_model import MeasuredModel
from infra.bench.brief.our_system import POLL_S, SERVICE, TIMEOUT_S, Unfinished, mail_times
from infra.bench.brief.timings import Timing, usage
from infra.local.sandboxes.gemini.server import API_KEY
from infra.local.stack import processes
from infra.local.stack.processes import HOST, Service
from infra.local.stack.stack import GRANT, ON_CALL, Stack

PYTHON = bundle.ROOT / ".venv" / "adk" / "bin" / "python"
CALLS = 15
"""Model calls of one incident: 14 in series, and the suggestion beside the root causes."""
MODELS = {"GEMINI_MODEL_HEAVY": "gemini-3.8-flash", "GEMINI_MODEL_LIGHT": "gemini-3.5-flash-lite"}
"""The system's own defaults, so that both pay the same prices."""
START_TIMEOUT_S = 60.0
# Its warnings are about deprecated classes, and would fill the log.
COMMAND = (str(PYTHON), "-W", "ignore", "-m", "infra.bench.reference.server")


class Reference:
    """The reference beside `stack`, answered by `model`; enter it to start. Raises StartFailed."""

    def __init__(self, stack: Stack, model: MeasuredModel) -> None:
        self._stack, self._model = stack, model
        self._port = processes.free_port()
        self._proxy = ColdStartProxy("reference", f"http://{HOST}:{self._port}", self._start)
        self._service: Service | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._proxy.stop()
        self._stop()

    def sleep(self, penalty_s: float) -> None:
        """Stop it; it starts again with the first request, after so many seconds."""
        self._stop()
        self._proxy.sleep(penalty_s)

    def _start(self, _name: str = "") -> None:
        command = [*COMMAND, str(self._port)]
        logs = self._stack.folder / "logs"
        with processes.uninterrupted():
            self._service = processes.start("reference", command, self._port, logs, self._variables(), bundle.ROOT)
        processes.wait_listening(self._service, START_TIMEOUT_S)

    def _stop(self) -> None:
        if self._service is not None:
            processes.stop([self._service])

    def _variables(self) -> Mapping[str, str]:
        url = {name: service.url for name, service in self._stack.services.items()}
        base = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
        return {
            **base,
            **MODELS,
            "GOOGLE_API_KEY": API_KEY,
            "GOOGLE_GEMINI_BASE_URL": self._model.url,
            "GRAFANA_HOST": url["loki"],
            "GITHUB_API_URL": url["github"],
            "GITHUB_TOKEN": self._stack.github_token,
            "GITHUB_REPO": str(self._stack.built.github_repo),
            **GRANT.settings(url["gmail"]),
            "ON_CALL_ENGINEERS": json.dumps([ON_CALL]),
            "POST_PROCESS_URL": url["hook"],
            "WEBHOOK_API_KEY": self._stack.options.api_key,
        }

    def incident(self, latency_s: float, logs_of: str = SERVICE) -> Timing:
        """Post one alert about the logs of a service, and return what its brief took. Raises Unfinished."""
        self._model.latency_s = latency_s
        self._model.take_calls()
        sent = len(mail_times(self._stack.folder))
        began = time.time()
        self._post(logs_of)
        accepted = time.time()
        mailed = self._wait_mail(sent)
        calls = self._model.wait_calls(CALLS, TIMEOUT_S)
        if len(calls) != CALLS:
            raise Unfinished(f"the reference made {len(calls)} calls, not {CALLS}: see logs/reference.log")
        return Timing(accepted_s=accepted - began, full_s=mailed - accepted, usage=usage(calls, mailed))

    def _post(self, logs_of: str) -> None:
        body = {"service_name": logs_of, "lookup_window_seconds": 900}
        headers = {"X-Webhook-API-Key": self._stack.options.api_key}
        url = f"{self._proxy.url}/webhook/trigger_agent"
        requests.post(url, json=body, headers=headers, timeout=TIMEOUT_S).raise_for_status()

    def _wait_mail(self, sent: int) -> float:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            if len(times := mail_times(self._stack.folder)) > sent:
                return times[-1]
            time.sleep(POLL_S)
        raise Unfinished(f"the reference sent no mail in {TIMEOUT_S:g} s: see logs/reference.log")
