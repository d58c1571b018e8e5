"""How many alerts a second alert_intake accepts: a 202 only once Pub/Sub has the alert, here Google's emulator.

A fixed number of clients, each with one connection that stays open, post one alert a request for some seconds. In the
same run, over the same connections, an empty function answers on the same server: what is left is alert_intake's own.
"""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.pubsub_v1 import types

from infra.local.cli import run_one
from infra.local.pubsub import topics
from infra.local.stack import emulators, processes
from infra.local.stack.processes import HOST, Service
from infra.local.stack.stack import PROJECT
from shared import clock

CLIENTS = 8
SECONDS, WARM_S = 10.0, 3.0
START_TIMEOUT_S = 60.0
KEY = "load"
EMPTY = """
import functions_framework


@functions_framework.http
def empty(request):
    return ""
"""
SUBSCRIPTION = f"projects/{PROJECT}/subscriptions/load"
PULLED = 1_000
"""Messages of one pull, the most that Pub/Sub gives."""


@dataclass(frozen=True)
class Rate:
    """What a server answered: requests, those of a second, the median and the 99th percentile in ms, statuses."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float
    statuses: dict[int, int]


@dataclass(frozen=True)
class Accepted:
    """Both rates, and how many messages the topic holds of the alerts posted."""

    clients: int
    intake: Rate
    empty: Rate
    posted: int
    messages: int

    @property
    def is_clean(self) -> bool:
        """Whether each alert got a 202 and is in the topic."""
        return set(self.intake.statuses) == {202} and self.messages >= self.posted


def run(folder: Path, seconds: float = SECONDS, clients: int = CLIENTS) -> Accepted:
    """Measure both in one run. Raises StartFailed, EmulatorFailed."""
    with emulators.pubsub(folder / "pubsub.log") as address, _served(folder, address) as (intake, empty):
        _create_topic(address)
        for service in (intake, empty):
            load(service.port, clients, WARM_S)
        _messages(address)
        baseline, accepted = (load(service.port, clients, seconds) for service in (empty, intake))
        return Accepted(clients, accepted, baseline, accepted.requests, _messages(address))


def _create_topic(address: str) -> None:
    topic = f"projects/{PROJECT}/topics/{topics.ALERTS}"
    with topics.clients(address) as (publisher, subscriber):
        publisher.create_topic(name=topic, timeout=topics.TIMEOUT_S)
        subscription = types.Subscription(name=SUBSCRIPTION, topic=topic, ack_deadline_seconds=60)
        subscriber.create_subscription(subscription, timeout=topics.TIMEOUT_S)


def _messages(address: str) -> int:
    """Take every message from the topic, and return how many there were."""
    count = 0
    with topics.clients(address) as (_, subscriber):
        while True:
            pull = types.PullRequest(subscription=SUBSCRIPTION, max_messages=PULLED, return_immediately=True)
            got = subscriber.pull(pull, timeout=topics.TIMEOUT_S).received_messages
            if not got:
                return count
            count += len({each.message.message_id for each in got})
            ack_ids = [each.ack_id for each in got]
            subscriber.acknowledge(subscription=SUBSCRIPTION, ack_ids=ack_ids, timeout=topics.TIMEOUT_S)


@contextmanager
def _served(folder: Path, address: str) -> Iterator[tuple[Service, Service]]:
    """Run alert_intake from its bundle and an empty function on the same server."""
    env = {
        "PUBSUB_EMULATOR_HOST": address,
        "GOOGLE_CLOUD_PROJECT": PROJECT,
        "INCIDENT_TOPIC": topics.ALERTS,
        "DEAD_LETTER_TOPIC": topics.DEAD,
        "WEBHOOK_API_KEY": KEY,
    }
    intake = run_one.start("alert_intake", processes.free_port(), folder, env)
    source = folder / "empty"
    source.mkdir()
    (source / "main.py").write_text(EMPTY, encoding="utf-8")
    port = processes.free_port()
    command = processes.function_command(source, {"entry_point": "empty", "trigger": "http"}, port, 60)
    empty = processes.start("empty", command, port, folder, {"PYTHONUNBUFFERED": "1"}, source)
    try:
        for service in (intake, empty):
            processes.wait_listening(service, START_TIMEOUT_S)
        yield intake, empty
    finally:
        processes.stop([intake, empty])


def load(port: int, clients: int, seconds: float) -> Rate:
    """Post for so long from so many connections that stay open, and return the rate."""
    times: list[float] = []
    statuses: Counter[int] = Counter()
    lock, end = threading.Lock(), time.monotonic() + seconds

    def post(client: int) -> None:
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        own, number = [], client
        headers = {"Content-Type": "application/json", "X-Webhook-API-Key": KEY}
        while time.monotonic() < end:
            began = time.monotonic()
            connection.request("POST", "/", _alert(number), headers)
            reply = connection.getresponse()
            reply.read()
            own.append((time.monotonic() - began, reply.status))
            number += clients
        connection.close()
        with lock:
            times.extend(taken for taken, _ in own)
            statuses.update(status for _, status in own)

    threads = [threading.Thread(target=post, args=(client,)) for client in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return rate(times, time.monotonic() - began, statuses)


def rate(times: list[float], seconds: float, statuses: Mapping[int, int]) -> Rate:
    """Return the rate of requests that took these seconds."""
    ordered = sorted(times)
    p50, p99 = (ordered[int(len(ordered) * share)] * 1000 for share in (0.5, 0.99))
    return Rate(len(ordered), round(len(ordered) / seconds, 1), round(p50, 1), round(p99, 1), dict(statuses))


def _alert(number: int) -> bytes:
    labels = {"service_name": f"load-{number}", "alertname": "Load", "severity": "warning"}
    alert = {"status": "firing", "labels": labels, "fingerprint": f"{number}", "startsAt": clock.now().isoformat()}
    return json.dumps({"alerts": [alert]}).encode()
