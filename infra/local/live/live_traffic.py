"""
Traffic that goes on after the scenario was built: the service's pods live, and are replaced when a version is deployed.

Lines and samples go to the Loki and the Prometheus of the stack every few seconds, so that a quarter of an hour later
there is still something to read.
"""

import json
import random
import threading
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Any, Self

import requests as http

from infra.local.live import control
from infra.local.live.live_pod import LivePod, Series, started
from infra.local.sandboxes.github.deployments import DEPLOYMENTS
from infra.local.sandboxes.prometheus.server import SAMPLES
from infra.local.scenarios import history, traffic
from infra.local.scenarios.recording import SCRAPE_EVERY_S, labels_of
from infra.local.scenarios.scenario import Built, Request, read
from shared import clock
from shared.errors import IncidentCopilotError
from shared.text.harmless import one_line

Say = Callable[[str, str, str], None]
"""Prints a line: what happened, in which style, the words."""
EVERY_S = 5
MAX_GAP = timedelta(seconds=60)
"""A laptop that slept gets the traffic of the last minute, not of the night."""
TIMEOUT_S = 10.0
_LINKS = ("generatorURL", "silenceURL", "dashboardURL", "panelURL", "externalURL")
_OWN_LABELS = ("__name__", "service_name", "namespace", "pod", "version")


class LiveTraffic:
    """While entered, continues the telemetry of a build; `folder` is the stack's, whose file says what is deployed."""

    def __init__(
        self, folder: Path, scenario_dir: Path, built: Built, loki_url: str, prometheus_url: str, say: Say
    ) -> None:
        assert built.repo_git is not None
        self._folder, self._scenario_dir, self._built = folder, scenario_dir, built
        self._repo: Path = built.repo_git
        self._scenario = read(scenario_dir)
        self._loki_url, self._prometheus_url, self._say = loki_url, prometheus_url, say
        # Not used for a secret.
        self._chance = random.Random()  # noqa: S311
        self._pods: list[LivePod] = []
        self._waiting: deque[str] = deque()
        self._answers: deque[tuple[float, int]] = deque()
        self._version = "after"
        self._failing_since: datetime | None = None
        self._last = clock.now()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live traffic", daemon=True)

    def __enter__(self) -> Self:
        (self._folder / control.VERSION_FILE).write_text(self._version)
        self._built.alert.write_text(without_links(self._built.alert.read_text(encoding="utf-8")), encoding="utf-8")
        self._adopt()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()
        for pod in self._pods:
            pod.end()

    def _run(self) -> None:
        while not self._is_over.wait(EVERY_S - time.time() % EVERY_S):
            try:
                self.tick(clock.now())
            except (IncidentCopilotError, http.RequestException) as error:
                # A Loki that is restarted answers again at the next tick.
                self._say("traffic", "yellow", f"stands still: {one_line(str(error))}")

    def tick(self, moment: datetime) -> None:
        """Bring the telemetry up to a moment."""
        wanted = control.deployed(self._folder) or self._version
        if wanted != self._version:
            self._start_deployment(wanted, moment)
        self._replace_one()
        since, self._last = max(self._last, moment - MAX_GAP), moment
        self._send(since, moment)
        if int(moment.timestamp()) % SCRAPE_EVERY_S < EVERY_S:
            self._scrape(int(moment.timestamp()))
        self._write_alert(moment)

    def _adopt(self) -> None:
        """Start the pods that ran at the end of the build, with its names and counters."""
        body = json.loads((self._built.metrics or Path()).read_text(encoding="utf-8"))
        series: dict[tuple[str, str], dict[Series, tuple[float, float]]] = {}
        # What the cluster reports of a pod has no version, and goes on by itself.
        for each in [one for one in body["data"]["result"] if "version" in one["metric"]]:
            labels = each["metric"]
            rest = tuple((name, value) for name, value in labels.items() if name not in _OWN_LABELS)
            key = (labels["pod"], labels["version"])
            if each["values"]:
                last_at, last = each["values"][-1]
                series.setdefault(key, {})[(labels["__name__"], rest)] = (float(last_at), float(last))
        newest = max(counters[("up", ())][0] for counters in series.values())
        for (name, version), counters in series.items():
            if counters[("up", ())][0] == newest:
                pod, _ = self._start(name, version)
                pod.counters = {key: value for key, (_, value) in counters.items()}
                self._pods.append(pod)

    def _start(self, name: str, version: str) -> tuple[LivePod, list[tuple[int, str]]]:
        commit = self._commit_of(version)
        root = self._folder / "live" / commit
        if not root.exists():
            history.check_out(self._repo, commit, root)
        start_ns = round(clock.now().timestamp() * 1e9)
        pod = traffic.Pod(name, commit, version, start_ns, start_ns)
        return started(self._scenario, name, version, labels_of(self._scenario, pod), root, start_ns)

    def _commit_of(self, version: str) -> str:
        return history.run_git("rev-parse", f"v{version}^{{commit}}", cwd=self._repo).strip()

    def _start_deployment(self, wanted: str, moment: datetime) -> None:
        deploy = self._scenario.deploy
        self._version = wanted
        version = deploy.version_after if wanted == "after" else deploy.version_before
        self._waiting = deque([version] * len(self._pods))
        self._failing_since = None
        path = self._repo / DEPLOYMENTS
        body = json.loads(path.read_text(encoding="utf-8"))
        at = moment.isoformat()
        row = {**body["deployments"][0], "id": len(body["deployments"]) + 1, "ref": f"v{version}", "created_at": at}
        row["statuses"] = [{"state": "in_progress", "created_at": at}, {"state": "success", "created_at": at}]
        body["deployments"].append(row)
        path.write_text(json.dumps(body), encoding="utf-8")

    def _replace_one(self) -> None:
        """Replace the oldest pod of another version by one of the version that is being deployed."""
        if not self._waiting:
            return
        version = self._waiting.popleft()
        name = traffic.pod_name(self._scenario, self._commit_of(version), self._chance)
        fresh, entries = self._start(name, version)
        self._pods.pop(0).end()
        self._pods.append(fresh)
        self._push(fresh, entries)
        if not self._waiting:
            self._say("deployed", "magenta", f"{self._scenario.service_name} runs {version} on {len(self._pods)} pods")

    def _send(self, since: datetime, until: datetime) -> None:
        """Send the requests of a while to the pods, and what they log to Loki."""
        shares: list[list[tuple[int, Request]]] = [[] for _ in self._pods]
        kinds = self._scenario.traffic.requests
        limits = list(accumulate(kind.weight for kind in kinds))
        at, end = since.timestamp(), until.timestamp()
        while (at := at + self._chance.expovariate(self._scenario.traffic.requests_per_s)) < end:
            kind = kinds[bisect_left(limits, self._chance.uniform(0, limits[-1]))]
            request = {**kind.request, "id": f"{self._chance.getrandbits(32):08x}"}
            self._chance.choice(shares).append((round(at * 1e9), request))
        for pod, share in zip(self._pods, shares, strict=True):
            entries, answers = pod.ask([*share, (round(end * 1e9), dict(self._scenario.traffic.health_check))])
            pod.count(answers, str(self._scenario.traffic.health_check["path"]))
            self._push(pod, entries)
            self._answers += [(answer.at, answer.status) for answer in answers]

    def _push(self, pod: LivePod, entries: list[tuple[int, str]]) -> None:
        if entries:
            values = [[str(ns), text] for ns, text in entries]
            body = {"streams": [{"stream": pod.labels, "values": values}]}
            http.post(f"{self._loki_url}/loki/api/v1/push", json=body, timeout=TIMEOUT_S).raise_for_status()

    def _scrape(self, at: int) -> None:
        result: list[dict[str, Any]] = [
            {"metric": {"__name__": name, **pod.labels, **dict(rest)}, "values": [[at, str(value)]]}
            for pod in self._pods
            for (name, rest), value in pod.counters.items()
        ]
        body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
        http.post(f"{self._prometheus_url}{SAMPLES}", json=body, timeout=TIMEOUT_S).raise_for_status()

    def _write_alert(self, moment: datetime) -> None:
        """Rewrite what `make alert` posts, once a deployment has changed what Grafana would say."""
        start = (moment - timedelta(minutes=self._scenario.alert.ratio_minutes)).timestamp()
        while self._answers and self._answers[0][0] < start:
            self._answers.popleft()
        failed = [at for at, status in self._answers if status >= 500]
        if len(json.loads((self._repo / DEPLOYMENTS).read_text())["deployments"]) <= 2:
            return
        if failed and self._failing_since is None:
            self._failing_since = datetime.fromtimestamp(failed[-1], UTC)
        deploy = self._scenario.deploy
        version = deploy.version_after if self._version == "after" else deploy.version_before
        ratio = round(len(failed) / max(len(self._answers), 1), 4)
        since = (self._failing_since or moment).replace(microsecond=0)
        text = Template((self._scenario_dir / self._scenario.alert.file).read_text(encoding="utf-8")).substitute(
            commit=self._commit_of(version),
            error_percent=f"{ratio * 100:.1f}",
            error_ratio=ratio,
            starts_at=since.isoformat().replace("+00:00", "Z"),
        )
        self._built.alert.write_text(without_links(text), encoding="utf-8")


def without_links(alert: str) -> str:
    """Return an alert's body without the pages of a Grafana that this machine does not have: they would not open."""
    body = json.loads(alert)
    for each in (body, *body.get("alerts", ())):
        for name in _LINKS:
            each.pop(name, None)
    return json.dumps(body, indent=2)
