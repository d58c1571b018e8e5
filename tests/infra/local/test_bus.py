"""The bus of the laptop: Google's client publishes, the endpoint is pushed to until it acknowledges."""

import base64
import json
import queue
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from google.api_core import exceptions as google_errors
from google.cloud import pubsub_v1

from infra.local.bus import LocalBus, Retries

TOPIC = "projects/p/topics/t"
QUICK = Retries(attempts=3, first_wait_s=0.01, longest_wait_s=0.02, ack_deadline_s=5)


class Endpoint(ThreadingHTTPServer):
    """Answers pushes with the statuses given, then 204; `pushes` holds what came."""

    def __init__(self, statuses: list[int]) -> None:
        super().__init__(("127.0.0.1", 0), PushHandler)
        self.statuses = statuses
        self.pushes: queue.Queue[tuple[str, dict[str, Any]]] = queue.Queue()

    def url(self, path: str) -> str:
        """Where to push."""
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def push(self) -> tuple[str, dict[str, Any]]:
        """Return the next push."""
        return self.pushes.get(timeout=10)


class PushHandler(BaseHTTPRequestHandler):
    """Keeps the push and answers the next status."""

    server: Endpoint

    def do_POST(self) -> None:
        """Answer one push."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.server.pushes.put((self.path, body))

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """A subscriber that acknowledges."""
    with Endpoint([]) as served:
        thread = Thread(target=served.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Makes Google's client for a bus."""
    made: list[pubsub_v1.PublisherClient] = []

    def connect(bus: LocalBus) -> pubsub_v1.PublisherClient:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", bus.address)
        made.append(pubsub_v1.PublisherClient(pubsub_v1.types.BatchSettings(max_messages=1)))
        return made[-1]

    yield connect
    for client in made:
        client.stop()
        client.transport.close()


def test_message_is_pushed_in_pubsub_s_envelope(endpoint: Endpoint, publisher: Any) -> None:
    """Data, attributes, id and topic path arrive as from Pub/Sub, for Google's unmodified client."""
    with LocalBus(endpoint.url(TOPIC)) as bus:
        message_id = publisher(bus).publish(TOPIC, b"\x00hello", incident_id="inc-1").result(timeout=10)
        path, body = endpoint.push()

    assert path == f"/{TOPIC}"
    assert base64.b64decode(body["message"]["data"]) == b"\x00hello"
    assert body["message"]["attributes"] == {"incident_id": "inc-1"}
    assert body["message"]["messageId"] == body["message"]["message_id"] == message_id
    assert body["message"]["publishTime"].endswith("Z")
    assert (body["subscription"], body["deliveryAttempt"]) == ("projects/p/subscriptions/t-push", 1)


def test_unacknowledged_message_is_pushed_again(endpoint: Endpoint, publisher: Any) -> None:
    """An error or a redirect is no acknowledgement: the message comes again, saying which attempt it is."""
    endpoint.statuses = [500, 404]
    with LocalBus(endpoint.url(TOPIC), retries=QUICK) as bus:
        publisher(bus).publish(TOPIC, b"x").result(timeout=10)
        attempts = [endpoint.push()[1]["deliveryAttempt"] for _ in range(3)]

    assert attempts == [1, 2, 3]
    assert bus.dead_letters == []


def test_message_nobody_takes_becomes_a_dead_letter(endpoint: Endpoint, publisher: Any) -> None:
    """After the last attempt the message is kept apart and not pushed again."""
    endpoint.statuses = [500] * 9
    with LocalBus(endpoint.url(TOPIC), retries=QUICK) as bus:
        publisher(bus).publish(TOPIC, b"x").result(timeout=10)
        for _ in range(3):
            endpoint.push()

    assert [letter.data for letter in bus.dead_letters] == [b"x"]
    assert endpoint.pushes.empty()


def test_topic_of_the_endpoint_is_the_only_one(endpoint: Endpoint, publisher: Any) -> None:
    """Publishing to a topic that does not exist fails as in the cloud, until it is created."""
    with LocalBus(endpoint.url(TOPIC)) as bus:
        with pytest.raises(google_errors.NotFound):
            publisher(bus).publish("projects/p/topics/other", b"x").result(timeout=10)
        client = publisher(bus)
        client.create_topic(name="projects/p/topics/other")

        assert client.get_topic(topic="projects/p/topics/other").name == "projects/p/topics/other"
        client.publish("projects/p/topics/other", b"x").result(timeout=10)
        endpoint.push()


def test_endpoint_without_a_topic_takes_all(endpoint: Endpoint, publisher: Any) -> None:
    """A push URL that names no topic lets every topic be."""
    with LocalBus(endpoint.url("")) as bus:
        publisher(bus).publish("projects/p/topics/any", b"x").result(timeout=10)

        assert endpoint.push()[1]["message"]["messageId"]


def test_port_taken_is_told(endpoint: Endpoint) -> None:
    """A second bus on the same port is refused."""
    with LocalBus(endpoint.url(TOPIC)) as bus, pytest.raises(OSError, match=str(bus.port)):
        LocalBus(endpoint.url(TOPIC), port=bus.port)


def test_wait_grows_to_its_bound() -> None:
    """Back-off doubles from the first wait to the longest."""
    retries = Retries(first_wait_s=1, longest_wait_s=10)

    assert [retries.wait_s(attempt) for attempt in (1, 2, 3, 5, 1000)] == [1, 2, 4, 10, 10]
