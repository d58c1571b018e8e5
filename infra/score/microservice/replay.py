"""Alerts on a service of a recorded incident, through the product: intake, telemetry, detection, causes."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from functions.alert_intake import parse_alerts
from functions.alert_intake.alert_subject import SERVICE_LABELS
from functions.incident_detection.main import incident_detection
from functions.rca.main import rca
from infra.evals.run_scenario import ask_inline, environment
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from infra.local.scenarios.cases import LOGS_FILE, METRICS_FILE, from_case
from infra.score.microservice.cases import MicroserviceCase
from infra.score.microservice.healthy_series import healthy_series
from shared.contracts import Alert, DetectionRequest, Incident, RootCauseRequest, RootCauses
from shared.step.recorder import recording

SeverityLabel = Literal["critical", "warning", "absent"]
SEVERITY_LABELS: tuple[SeverityLabel, ...] = ("critical", "warning", "absent")
"""The label `severity` of the alert rule; `absent` is a rule without one."""

Metrics = Literal["none", "default queries", "operator's queries", "generated healthy"]
"""Which metrics the product can read: none at all, the recorded ones by its own queries or by those that an operator
of this exporter sets, or those of a healthy service in conventional names."""

EXPORTER_QUERIES = {
    "request_rate": "sum(podworkload_ops{$selector})",
    "latency_p95": "max(podserverlatencyp90_s{$selector})",
    "client_latency_p90": "max(podclientlatencyp90_s{$selector})",
    "cpu_percent": "max(cpuusagerate{$selector})",
    "memory_percent": "max(memoryusagerate{$selector})",
}
"""PROMETHEUS_QUERIES as an operator of TrainTicket's exporter writes them; its podsuccessrate is always zero."""

UNSET = (
    "GRAFANA_BASICAUTH",
    "GRAFANA_TOKEN",
    "GRAFANA_URL",
    "PROMETHEUS_BASICAUTH",
    "LOKI_TENANT",
    "LOKI_SERVICE_LABEL",
    "PROMETHEUS_SERVICE_LABEL",
    "TELEMETRY_PROVIDER_LOGS",
    "TELEMETRY_PROVIDER_METRICS",
)
"""Settings of this machine that would lead the product past the sandboxes."""

FIRED_BEFORE_END = timedelta(minutes=1)
"""When the alert began to fire: the same for incidents and controls, so that it gives nothing away."""


@dataclass(frozen=True)
class Answered:
    """What the product answered to one alert, in `seconds`; `root_causes` is None when detection ended it."""

    service: str
    severity_label: SeverityLabel
    metrics: Metrics
    incident: Incident
    root_causes: RootCauses | None
    seconds: float


def metrics_of(case: MicroserviceCase) -> tuple[Metrics, ...]:
    """Return with which metrics a case is replayed: incidents as recorded, controls with and without health."""
    if case.fault is None:
        return ("none", "generated healthy")
    return ("default queries", "operator's queries") if case.series else ("none",)


def replay(case: MicroserviceCase, metrics: Metrics) -> Iterator[Answered]:
    """Alert on each service of the case with each severity label, and yield the answers."""
    body = _body(case)
    with _sandboxes(case, metrics, datetime.fromisoformat(body["end_time"])):
        for service in case.services:
            for label in SEVERITY_LABELS:
                yield _answer(service, label, metrics, body)


def _body(case: MicroserviceCase) -> dict[str, Any]:
    """Return the body that `make demo CASE=…` posts for this case: its window, and one service."""
    with tempfile.TemporaryDirectory() as folder:
        body: dict[str, Any] = json.loads(from_case(case.folder, Path(folder), None).alert.read_bytes())
    return body


def alert_on(service: str, label: SeverityLabel, body: dict[str, Any]) -> Alert:
    """Return what alert_intake makes of Grafana's alert on a service, in the window of `body`."""
    end = datetime.fromisoformat(body["end_time"])
    labels = {"service_name": service, **({} if label == "absent" else {"severity": label})}
    fired = {"status": "firing", "labels": labels, "startsAt": (end - FIRED_BEFORE_END).isoformat()}
    window = {name: value for name, value in body.items() if name != "service_name"}
    rules = parse_alerts.Rules(end, "score", tuple(SERVICE_LABELS), 900, "score")
    (alert,) = parse_alerts.read({**window, "alerts": [fired]}, rules).alerts
    return alert


def _answer(service: str, label: SeverityLabel, metrics: Metrics, body: dict[str, Any]) -> Answered:
    alert = alert_on(service, label, body)
    with recording():
        started = time.perf_counter()
        incident = ask_inline(incident_detection, DetectionRequest(alert=alert), Incident)
        causes = None
        if incident.needs_response:
            causes = ask_inline(rca, RootCauseRequest(alert=alert, incident=incident), RootCauses)
        seconds = time.perf_counter() - started
    return Answered(service, label, metrics, incident, causes, seconds)


@contextmanager
def _sandboxes(case: MicroserviceCase, metrics: Metrics, end: datetime) -> Iterator[None]:
    with ExitStack() as stack:
        loki = stack.enter_context(LokiSandbox())
        loki.load_file(case.folder / LOGS_FILE)
        prometheus = stack.enter_context(PrometheusSandbox())
        if metrics == "generated healthy":
            for service in case.services:
                for name, labels, samples in healthy_series(service, case.lines[0].at, end):
                    prometheus.load(name, labels, samples)
        elif metrics != "none":
            prometheus.load_file(case.folder / METRICS_FILE)
        queries = json.dumps(EXPORTER_QUERIES) if metrics == "operator's queries" else ""
        host = "" if metrics == "none" else prometheus.url
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.enter_context(environment(_variables(loki.url, host, queries, folder)))
        yield


def _variables(loki: str, prometheus: str, queries: str, folder: str) -> dict[str, str]:
    """Return the settings of the stack: the sandboxes, and whatever else this machine has configured unset."""
    return {
        **dict.fromkeys(UNSET, ""),
        "GRAFANA_HOST": loki,
        "PROMETHEUS_HOST": prometheus,
        "PROMETHEUS_QUERIES": queries,
        "MODEL_PROVIDER": "offline",
        "TRACES_PROVIDER": "embedded",
        "TRACES_PATH": f"{folder}/traces.sqlite",
    }
