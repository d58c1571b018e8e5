"""Local Pub/Sub: Google's clients against the stand-in and Google's own emulator, with the same expectations."""

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
ATTEMPTS = 5  # the minimum that Pub/Sub allows
WAIT_S = 1.0


@dataclass
class Pushed:
    """One push as it arrived."""

    path: str
    body: dict[str, Any]
    at: float = field(default_factory=time.monotonic)

    @property
    def data(self) -> bytes:
        """What was published."""
        return base64.b64decode(self.body["message"]["data"])


class Endpoint(ThreadingHTTPServer):
    """Answers a push of `data` with the statuses scripted for it, then 204; `pushes` holds all that arrived."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PushHandler)
        self.statuses: dict[bytes, list[int]] = {}
        self.pushes: list[Pushed] = []
        self.changed = Condition()

    def url(self, path: str) -> str:
        """Where to push."""
        return f"http://127.0.0.1:{self.server_port}/{path}"

    def pushes_of(self, data: bytes, count: int) -> list[Pushed]:
        """Return the pushes of a message, once there are `count`."""
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


class AlertTopic:
    """One project with the system's topics, pushed to the endpoint."""

    def __init__(self, address: str, endpoint: Endpoint, policy: topics.SubscriptionPolicy) -> None:
        self.project = f"p-{uuid4().hex[:8]}"
        self.topic = f"projects/{self.project}/topics/{topics.ALERTS}"
        self.endpoint = endpoint
        self._address = address
        topics.create(address, self.project, endpoint.url(self.topic), policy)

    def publish(self, data: bytes, statuses: list[int], **attributes: str) -> str:
        """Publish a message that is answered with `statuses`, then 204; return its id."""
        self.endpoint.statuses[data] = statuses
        message = types.PubsubMessage(data=data, attributes=attributes)
        with topics.clients(self._address) as (publisher, _):
            return str(publisher.publish(topic=self.topic, messages=[message], timeout=10).message_ids[0])

    def dead(self, count: int) -> list[types.PubsubMessage]:
        """Return the dead letters, once there are `count`, and acknowledge them."""
        messages: list[types.PubsubMessage] = []
        deadline = time.monotonic() + TIMEOUT_S
        while len(messages) < count and time.monotonic() < deadline:
            messages += self._pull()
        return messages

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
    """The address of a Pub/Sub server, and a policy with one second between attempts."""

    address: str
    policy: topics.SubscriptionPolicy


@pytest.fixture(scope="module", params=["stand-in", "emulator"])
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """Our stand-in, then Google's emulator."""
    if request.param == "stand-in":
        with LocalPubsub() as pubsub:
            yield Provider(pubsub.address, replace(topics.STAND_IN, attempts=ATTEMPTS, waits_s=(WAIT_S, WAIT_S)))
        return
    need("pubsub")
    with emulators.pubsub(tmp_path_factory.mktemp("emulator") / "pubsub.log") as address:
        yield Provider(address, replace(topics.EMULATOR, attempts=ATTEMPTS))


@pytest.fixture(scope="module")
def alerts(provider: Provider) -> Iterator[AlertTopic]:
    """The system's topics and a push endpoint."""
    with Endpoint() as endpoint:
        thread = Thread(target=endpoint.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        created = AlertTopic(provider.address, endpoint, provider.policy)
        # Published first: its attempts take long, while the other tests run.
        created.publish(b"hopeless", [503] * 99, incident_id="inc-2")
        yield created
        endpoint.shutdown()
        thread.join()


def test_message_is_pushed_in_the_envelope_of_pubsub(alerts: AlertTopic) -> None:
    """Data, attributes, id and topic path arrive as from Pub/Sub, for Google's unmodified client."""
    message_id = alerts.publish(b"\x00hello", [], incident_id="inc-1")

    (pushed,) = alerts.endpoint.pushes_of(b"\x00hello", 1)

    message = pushed.body["message"]
    assert pushed.path == f"/{alerts.topic}"
    assert message["attributes"] == {"incident_id": "inc-1"}
    assert message["messageId"] == message["message_id"] == message_id
    assert message["publishTime"].endswith("Z")
    assert pushed.body["subscription"] == f"projects/{alerts.project}/subscriptions/{topics.STARTER}"


def test_unacknowledged_message_is_pushed_again_after_a_wait_and_others_are_not(alerts: AlertTopic) -> None:
    """An error or a redirect does not acknowledge; 200, 201 and 204 do; the wait is at least the back-off."""
    acknowledged = {b"ack-200": [200], b"ack-201": [201], b"ack-204": [204]}
    for data, statuses in {**acknowledged, b"again": [500, 404, 302]}.items():
        alerts.publish(data, statuses)

    pushes = alerts.endpoint.pushes_of(b"again", 4)

    waits = [after.at - before.at for before, after in pairwise(pushes)]
    assert min(waits) > WAIT_S * 0.8
    assert [len(alerts.endpoint.pushes_of(data, 1)) for data in acknowledged] == [1, 1, 1]
    assert len({pushed.body["message"]["messageId"] for pushed in pushes}) == 1


def test_message_that_is_never_acknowledged_is_dead_lettered(alerts: AlertTopic) -> None:
    """After the last attempt it is in the dead-letter topic, with its attempt count, and is not pushed again."""
    (dead,) = alerts.dead(1)

    attributes = dict(dead.attributes)
    assert (dead.data, attributes["incident_id"]) == (b"hopeless", "inc-2")
    assert attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == str(ATTEMPTS)
    assert attributes["CloudPubSubDeadLetterSourceSubscription"] == topics.STARTER
    assert len(alerts.endpoint.pushes_of(b"hopeless", ATTEMPTS)) == ATTEMPTS


def test_missing_topic_is_not_found_and_a_taken_name_is_refused(alerts: AlertTopic, provider: Provider) -> None:
    """A misspelt topic fails as in the cloud; an existing name is not created twice."""
    with topics.clients(provider.address) as (publisher, subscriber):
        with pytest.raises(google_errors.NotFound):
            publisher.publish(topic=f"{alerts.topic}-misspelt", messages=[types.PubsubMessage(data=b"x")], timeout=10)
        with pytest.raises(google_errors.NotFound):
            subscriber.pull(subscription=f"projects/{alerts.project}/subscriptions/none", max_messages=1, timeout=10)
        with pytest.raises(google_errors.AlreadyExists):
            publisher.create_topic(name=alerts.topic, timeout=10)
        again = types.Subscription(name=topics.dead_reader(alerts.project), topic=alerts.topic)
        with pytest.raises(google_errors.AlreadyExists):
            subscriber.create_subscription(again, timeout=10)


def test_pulled_message_is_visible_again_only_when_released(provider: Provider) -> None:
    """A pulled message is invisible until its deadline is set to 0; an acknowledged one is gone."""
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


def test_taken_port_is_an_error() -> None:
    """A second server on the same port is refused."""
    with LocalPubsub() as pubsub, pytest.raises(OSError, match=str(pubsub.port)):
        LocalPubsub(port=pubsub.port)


def test_wait_doubles_up_to_its_maximum() -> None:
    """The back-off doubles from the first wait to the maximum."""
    retries = Retries(first_wait_s=1, max_wait_s=10)

    assert [retries.wait_s(attempt) for attempt in (1, 2, 3, 5, 1000)] == [1, 2, 4, 10, 10]


def test_policies_outlast_the_lease_of_the_starter() -> None:
    """A message whose starter died is still delivered after the lease has expired, so it is not dead-lettered first."""
    min_s, max_s = topics.STAND_IN.waits_s or (0.0, 0.0)
    retries = Retries(topics.STAND_IN.attempts, min_s, max_s)

    assert sum(retries.wait_s(attempt) for attempt in range(1, topics.STAND_IN.attempts)) > 2 * START_LEASE_S
    assert topics.EMULATOR.attempts > 2 * START_LEASE_S
