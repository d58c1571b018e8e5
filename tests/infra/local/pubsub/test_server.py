"""The bus of the laptop: Google's clients against the stand-in and Google's own emulator, held to one contract."""

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Condition, Thread
from typing import Any
from uuid import uuid4

import pytest
from google.api_core import exceptions as google_errors
from google.pubsub_v1 import types

from infra.local.pubsub import topics
from infra.local.pubsub.server import LocalPubsub
from infra.local.pubsub.subscriptions import Retries
from infra.local.stack import emulators
from infra.local.stack.stack import START_LEASE_S
from tests.emulated import need

TIMEOUT_S = 30.0
ATTEMPTS = 5  # the fewest Pub/Sub allows
WAIT_S = 1.0


@dataclass
class Pushed:
    """One push as it came."""

    path: str
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def data(self) -> bytes:
        """What was published."""
        return base64.b64decode(self.body["message"]["data"])


class Endpoint(ThreadingHTTPServer):
    """Answers a push of `data` with the statuses scripted for it, then 204; `pushes` holds what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PushHandler)
        self.statuses: dict[bytes, list[int]] = {}
        self.pushes: list[Pushed] = []
        self.changed = Condition()

    def url(self, path: str) -> str:
        """Where to push."""
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def pushes_of(self, data: bytes, count: int) -> list[Pushed]:
        """Return what came of a message, once it came `count` times."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self._of(data)) >= count, TIMEOUT_S), self._of(data)
            return self._of(data)

    def _of(self, data: bytes) -> list[Pushed]:
        return [pushed for pushed in self.pushes if pushed.data == data]


class PushHandler(BaseHTTPRequestHandler):
    """Keeps the push and answers the next status."""

    server: Endpoint

    def do_POST(self) -> None:
        """Answer one push."""
        pushed = Pushed(self.path, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        with self.server.changed:
            self.server.pushes.append(pushed)
            statuses = self.server.statuses.get(pushed.data, [])
            status = statuses.pop(0) if statuses else 204
            self.server.changed.notify_all()
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Laid:
    """One project with the house's topics, pushed to the endpoint."""

    def __init__(self, address: str, endpoint: Endpoint, policy: topics.SubscriptionPolicy) -> None:
        self.project = f"p-{uuid4().hex[:8]}"
        self.topic = f"projects/{self.project}/topics/{topics.ALERTS}"
        self.endpoint = endpoint
        self._address = address
        topics.lay(address, self.project, endpoint.url(self.topic), policy)

    def publish(self, data: bytes, statuses: list[int], **attributes: str) -> str:
        """Publish a message that is answered with `statuses`, then 204; return its id."""
        self.endpoint.statuses[data] = statuses
        message = types.PubsubMessage(data=data, attributes=attributes)
        with topics.clients(self._address) as (publisher, _):
            return str(publisher.publish(topic=self.topic, messages=[message], timeout=10).message_ids[0])

    def dead(self, count: int) -> list[types.PubsubMessage]:
        """Return the dead letters, once there are `count`, and forget them."""
        found: list[types.PubsubMessage] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(found) < count and time.monotonic() < deadline:
            found += self._pull()
        return found

    def _pull(self) -> list[types.PubsubMessage]:
        reader = topics.dead_reader(self.project)
        with topics.clients(self._address) as (_, subscriber):
            try:
                pulled = subscriber.pull(subscription=reader, max_messages=10, retry=None, timeout=3).received_messages
            except google_errors.DeadlineExceeded:
                return []
            if pulled:
                subscriber.acknowledge(subscription=reader, ack_ids=[one.ack_id for one in pulled])
            return [one.message for one in pulled]


@dataclass(frozen=True)
class Provider:
    """Where Pub/Sub's gRPC is spoken, and the policy that has it wait a second between attempts."""

    address: str
    policy: topics.SubscriptionPolicy


@pytest.fixture(scope="module", params=["stand-in", "emulator"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Our stand-in, then Google's emulator."""
    if request.param == "stand-in":
        with LocalPubsub() as bus:
            yield Provider(bus.address, replace(topics.STAND_IN, attempts=ATTEMPTS, waits_s=(WAIT_S, WAIT_S)))
        return
    need("pubsub")
    with emulators.pubsub(tmp_path_factory.mktemp("emulator") / "pubsub.log") as address:
        yield Provider(address, replace(topics.EMULATOR, attempts=ATTEMPTS))


@pytest.fixture(scope="module")
def laid(provider: Provider) -> Iterator[Laid]:
    """The house's topics and a subscriber."""
    with Endpoint() as endpoint:
        thread = Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made = Laid(provider.address, endpoint, provider.policy)
        # Published first: it dies slowly, while the other tests run.
        made.publish(b"hopeless", [503] * 99, incident_id="inc-2")
        yield made
        endpoint.shutdown()
        thread.join()


def test_message_is_pushed_in_pubsub_s_envelope(laid: Laid) -> None:
    """Data, attributes, id and topic path arrive as from Pub/Sub, for Google's unmodified client."""
    message_id = laid.publish(b"\x00hello", [], incident_id="inc-1")

    (pushed,) = laid.endpoint.pushes_of(b"\x00hello", 1)

    message = pushed.body["message"]
    assert pushed.path == f"/{laid.topic}"
    assert message["attributes"] == {"incident_id": "inc-1"}
    assert message["messageId"] == message["message_id"] == message_id
    assert message["publishTime"].endswith("Z")
    assert pushed.body["subscription"] == f"projects/{laid.project}/subscriptions/{topics.STARTER}"


def test_unacknowledged_message_is_pushed_again_after_a_wait_and_acknowledged_one_is_not(laid: Laid) -> None:
    """An error or a redirect is no acknowledgement, 200, 201 and 204 are; the back-off is kept."""
    acknowledged = {b"ack-200": [200], b"ack-201": [201], b"ack-204": [204]}
    for data, statuses in {**acknowledged, b"again": [500, 404, 302]}.items():
        laid.publish(data, statuses)

    pushes = laid.endpoint.pushes_of(b"again", 4)

    waits = [after.at - before.at for before, after in pairwise(pushes)]
    assert min(waits) > WAIT_S * 0.8
    assert [len(laid.endpoint.pushes_of(data, 1)) for data in acknowledged] == [1, 1, 1]
    assert len({pushed.body["message"]["messageId"] for pushed in pushes}) == 1


def test_message_nobody_takes_is_forwarded_to_the_dead_letter_topic(laid: Laid) -> None:
    """After the last attempt it is whole in the other topic, with how often it was tried, and is pushed no more."""
    (dead,) = laid.dead(1)

    told = dict(dead.attributes)
    assert (dead.data, told["incident_id"]) == (b"hopeless", "inc-2")
    assert told["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)
    assert told["CloudPubSubDeadLetterSourceSubscription"] == topics.STARTER
    assert len(laid.endpoint.pushes_of(b"hopeless", ATTEMPTS)) == ATTEMPTS


def test_absent_topic_is_not_found_and_a_taken_name_is_told(laid: Laid, provider: Provider) -> None:
    """A misspelt topic fails as in the cloud; what exists is not made twice."""
    with topics.clients(provider.address) as (publisher, subscriber):
        with pytest.raises(google_errors.NotFound):
            publisher.publish(topic=f"{laid.topic}-misspelt", messages=[types.PubsubMessage(data=b"x")], timeout=10)
        with pytest.raises(google_errors.NotFound):
            subscriber.pull(subscription=f"projects/{laid.project}/subscriptions/none", max_messages=1, timeout=10)
        with pytest.raises(google_errors.AlreadyExists):
            publisher.create_topic(name=laid.topic, timeout=10)
        again = types.Subscription(name=topics.dead_reader(laid.project), topic=laid.topic)
        with pytest.raises(google_errors.AlreadyExists):
            subscriber.create_subscription(again, timeout=10)


def test_pulled_message_is_seen_again_only_when_given_back(provider: Provider) -> None:
    """What was pulled is out of sight until its deadline is set to none; acknowledged, it is gone."""
    topic = f"projects/p-{uuid4().hex[:8]}/topics/some"
    reader = topic.replace("/topics/", "/subscriptions/")
    with topics.clients(provider.address) as (publisher, subscriber):
        publisher.create_topic(name=topic, timeout=10)
        subscriber.create_subscription(name=reader, topic=topic, ack_deadline_seconds=60, timeout=10)
        publisher.publish(topic=topic, messages=[types.PubsubMessage(data=b"x")], timeout=10)

        def pulled() -> list[str]:
            try:
                page = subscriber.pull(subscription=reader, max_messages=5, retry=None, timeout=2)
            except google_errors.DeadlineExceeded:
                return []
            return [one.ack_id for one in page.received_messages]

        first = pulled()
        assert len(first) == 1
        assert pulled() == []
        subscriber.modify_ack_deadline(subscription=reader, ack_ids=first, ack_deadline_seconds=0, timeout=10)
        second = pulled()
        assert len(second) == 1
        subscriber.acknowledge(subscription=reader, ack_ids=second, timeout=10)
        assert pulled() == []


def test_port_taken_is_told() -> None:
    """A second bus on the same port is refused."""
    with LocalPubsub() as bus, pytest.raises(OSError, match=str(bus.port)):
        LocalPubsub(port=bus.port)


def test_wait_grows_to_its_bound() -> None:
    """Back-off doubles from the first wait to the longest."""
    retries = Retries(first_wait_s=1, longest_wait_s=10)

    assert [retries.wait_s(attempt) for attempt in (1, 2, 3, 5, 1000)] == [1, 2, 4, 10, 10]


def test_policies_outlast_the_starter_s_lease() -> None:
    """A message whose starter died is still delivered when the lease has run out, so it is no dead letter by then."""
    shortest_s, longest_s = topics.STAND_IN.waits_s or (0.0, 0.0)
    retries = Retries(topics.STAND_IN.attempts, shortest_s, longest_s)

    assert sum(retries.wait_s(attempt) for attempt in range(1, topics.STAND_IN.attempts)) > 2 * START_LEASE_S
    assert topics.EMULATOR.attempts > 2 * START_LEASE_S
