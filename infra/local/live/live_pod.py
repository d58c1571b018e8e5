"""One pod of the scenario's service that lives on: real code in a process of its own, with counters that go on."""

import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.scenarios.recording import BUCKETS_S
from infra.local.scenarios.scenario import Request, Scenario
from infra.local.scenarios.traffic import APP_ROOT, DRIVER, RecordedAnswer
from shared.errors import Unavailable

Series = tuple[str, tuple[tuple[str, str], ...]]
"""The name of a series, and its labels beside the pod's own."""


@dataclass
class LivePod:
    """A running pod; `counters` hold what Prometheus scrapes of it."""

    name: str
    version: str
    labels: dict[str, str]
    root: Path
    process: "subprocess.Popen[str]"
    counters: dict[Series, float] = field(default_factory=dict)

    def ask(self, requests: list[tuple[int, Request]]) -> tuple[list[tuple[int, str]], list[RecordedAnswer]]:
        """Send requests, each at its time; return log entries and answers. Raises Unavailable when the pod is dead."""
        return self._exchange({"requests": requests})

    def _exchange(self, message: dict[str, Any]) -> tuple[list[tuple[int, str]], list[RecordedAnswer]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            print(json.dumps(message), file=self.process.stdin, flush=True)
            played = json.loads(self.process.stdout.readline())
        except (OSError, ValueError) as error:
            raise Unavailable(f"The pod {self.name} of the scenario does not answer: {error!r}") from error
        entries = [(ns, text.replace(f"{self.root}/", APP_ROOT)) for ns, text in played["entries"]]
        return entries, [RecordedAnswer(ns / 1e9, *rest) for ns, *rest in played["answers"]]

    def count(self, answers: list[RecordedAnswer], probe_path: str) -> None:
        """Add answers to what Prometheus scrapes."""
        for answer in answers:
            if answer.path != probe_path:
                self._add(("http_requests_total", (("code", str(answer.status)),)))
                for bucket in (*BUCKETS_S, float("inf")):
                    limit = "+Inf" if bucket == float("inf") else str(bucket)
                    is_in = answer.duration_s <= bucket
                    self._add(("http_request_duration_seconds_bucket", (("le", limit),)), float(is_in))
            self.counters[("process_resident_memory_bytes", ())] = float(answer.resident_bytes)
        self.counters[("up", ())] = 1.0

    def _add(self, series: Series, amount: float = 1.0) -> None:
        self.counters[series] = self.counters.get(series, 0.0) + amount

    def end(self) -> None:
        """End the pod."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with suppress(OSError):
            self.process.stdin.close()
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def started(
    scenario: Scenario, name: str, version: str, labels: dict[str, str], root: Path, start_ns: int
) -> tuple[LivePod, list[tuple[int, str]]]:
    """Start a pod from its checkout; return it with what it logs at its start. Raises Unavailable."""
    command = [sys.executable, "-I", "-X", "utf8", str(DRIVER), "live"]
    process = subprocess.Popen(
        command, cwd=root, env={}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        encoding="utf-8", process_group=0,
    )  # fmt: skip
    pod = LivePod(name, version, labels, root.resolve(), process)
    job = {"root": str(pod.root), "app": scenario.app, "seed": start_ns % 2**32, "start_ns": start_ns, "requests": []}
    entries, _ = pod._exchange(job)
    return pod, entries
