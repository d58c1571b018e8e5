"""Publishing alerts: over real gRPC to the local stand-in, and to Google's own emulator."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.cloud import pubsub_v1

from infra.local.pubsub.server import LocalPubsub
from infra.local.stack import emulators
from shared.admission.operator_requests import OperatorRequest
from shared.cloud import pubsub
from shared.cloud.dead_letter import DeadLetter
from shared.cloud.pubsub import AlertPublisher, PubsubSettings
from shared.contracts import Alert
from shared.errors import Misconfigured, Refused, Unavailable, Uncertain
from tests.emulated import need

MOMENT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
TOPIC, DEAD_TOPIC = "projects/p/topics/incident-alerts", "projects/p/topics/incident-alerts-dead"
WAKE_TOPIC, WAKER = "projects/p/topics/incident-wake", "projects/p/subscriptions/waker"


def alert(service_name: str = "checkout") -> Alert:
    """An alert of one service."""
    times = {"start": MOMENT, "end": MOMENT, "received_at": MOMENT}
    return Alert(incident_id="inc-20260131-0123456789", service_name=service_name, **times)


def connected(**settings: Any) -> AlertPublisher:
    """A publisher of project p at PUBSUB_EMULATOR_HOST."""
    return AlertPublisher(
        PubsubSettings(google_cloud_project="p", pubsub_emulator_host=os.environ["PUBSUB_EMULATOR_HOST"], **settings)
    )


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPubsub]:
    """The stand-in with the topic incident-alerts of project p."""
    with LocalPubsub() as served:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", served.address)
        publisher = pubsub_v1.PublisherClient()
        publisher.create_topic(name=TOPIC)
        publisher.transport.close()
        yield served


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Google's Pub/Sub emulator; skipped where it is absent, except in CI where gcloud is installed."""
    need("pubsub")
    with emulators.pubsub(tmp_path_factory.mktemp("emulator") / "pubsub.log") as address:
        yield address


def test_published_alert_reaches_google_s_emulator_whole(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data and attributes arrive at a subscriber of the real emulator; ids come back once it has confirmed."""
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", emulator)  # for Google's own clients below
    topic, subscription = TOPIC, "projects/p/subscriptions/reader"
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    publisher.create_topic(name=topic)
    subscriber.create_subscription(name=subscription, topic=topic)
    sender = connected()
    sent = alert("caf\u00e9-" + "x" * 190)

    message_ids = sender.publish_all([sent, alert("b")])

    pulled = subscriber.pull(subscription=subscription, max_messages=10, timeout=10).received_messages
    received = {message.message.message_id: message.message for message in pulled}
    assert set(received) == set(message_ids)
    assert Alert.model_validate_json(received[message_ids[0]].data) == sent
    assert received[message_ids[0]].attributes["incident_id"] == sent.incident_id
    assert received[message_ids[0]].attributes["service_name"].startswith("caf?-x")
    for client in (publisher.transport, subscriber):
        client.close()
    sender.close()


class WakeReader:
    """Pulls what a subscriber of the topic of waking gets."""

    def __init__(self) -> None:
        self._publisher, self._subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
        self._publisher.create_topic(name=WAKE_TOPIC)
        self._subscriber.create_subscription(name=WAKER, topic=WAKE_TOPIC)

    def pull(self) -> list[Any]:
        """Return every message there is."""
        received = self._subscriber.pull(subscription=WAKER, max_messages=9).received_messages
        return [each.message for each in received]

    def close(self) -> None:
        """Close both clients."""
        self._publisher.transport.close()
        self._subscriber.close()


@pytest.fixture
def wake_reader(local: LocalPubsub) -> Iterator[WakeReader]:
    """A subscriber of the topic of waking."""
    reader = WakeReader()
    yield reader
    reader.close()


def test_alert_wakes_the_functions_of_its_path_once_a_minute(wake_reader: WakeReader) -> None:
    """A burst wakes nobody who is awake; the message that wakes holds nothing of the alert."""
    sender = connected()

    for service_name in ("checkout", "cart", "search"):
        sender.publish_all([alert(service_name)])

    (message,) = wake_reader.pull()
    assert (message.data, dict(message.attributes)) == (b"", {"wake": "path"})
    sender.close()


@pytest.mark.parametrize(("kind", "woken"), [("investigate", 1), ("mute", 0)])
def test_person_who_starts_an_investigation_wakes_them_too(wake_reader: WakeReader, kind: Any, woken: int) -> None:
    """It starts as an alert does; other requests run nothing."""
    sender = connected()
    facts = {"request_id": "request-1", "by": "a person", "at": MOMENT, "service_name": "checkout"}

    sender.publish_request(OperatorRequest(kind=kind, alert=alert(), **facts))

    assert len(wake_reader.pull()) == woken
    sender.close()


def test_nobody_is_woken_where_the_setting_is_off(wake_reader: WakeReader) -> None:
    """Each start costs."""
    sender = connected(wake_functions=False)

    sender.publish_all([alert()])

    assert wake_reader.pull() == []
    sender.close()


def test_end_of_an_alert_wakes_nobody(wake_reader: WakeReader) -> None:
    """Nothing is investigated for it."""
    sender = connected()

    sender.publish_all([alert().replace(status="resolved")])

    assert wake_reader.pull() == []
    sender.close()


def test_alert_is_published_though_no_thread_is_left(
    local: LocalPubsub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What wakes never stops an alert."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    sender = connected()
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)

        assert sender.publish_all([alert()])

    assert "pubsub.not_woken" in capsys.readouterr().out
    sender.close()


def test_alert_is_published_though_nobody_can_be_woken(local: LocalPubsub, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the topic every function starts when it is called; the log says that they were not woken."""
    sender = connected(wake_topic="misspelt")

    assert sender.publish_all([alert()])

    assert "pubsub.not_woken" in capsys.readouterr().out
    sender.close()


def test_dead_letter_is_the_message_with_its_reason(local: LocalPubsub) -> None:
    """Data and attributes stay; reason and original id are added, within Pub/Sub's limits for attributes."""
    publisher, subscriber = pubsub_v1.PublisherClient(), pubsub_v1.SubscriberClient()
    publisher.create_topic(name=DEAD_TOPIC)
    subscriber.create_subscription(name="projects/p/subscriptions/dead", topic=DEAD_TOPIC)
    sender = connected()
    attributes = {"reason": "an earlier one", **{f"key-{n}": str(n) for n in range(99)}}

    sender.dead_letter(DeadLetter(b"\xffno json", "17", attributes), "\u00fc" * 1000)

    (received,) = subscriber.pull(subscription="projects/p/subscriptions/dead", max_messages=9).received_messages
    received_attributes = dict(received.message.attributes)
    assert received.message.data == b"\xffno json"
    assert (received_attributes["original_message_id"], received_attributes["key-0"]) == ("17", "0")
    assert len(received_attributes) == 100
    assert received_attributes["reason"] == "\u00fc" * 512
    for client in (publisher.transport, subscriber):
        client.close()
    sender.close()


def test_message_id_is_the_one_of_pubsub(local: LocalPubsub) -> None:
    """The id that Pub/Sub assigned is returned."""
    sender = connected()

    assert int(sender.publish_all([alert()])[0]) > 0
    sender.close()


def test_absent_topic_is_refused(local: LocalPubsub) -> None:
    """A missing topic is for the operator to fix, so the error names it."""
    sender = connected(incident_topic="misspelt")

    with pytest.raises(Refused, match="misspelt"):
        sender.publish_all([alert()])
    sender.close()


def test_publisher_works_again_after_a_failure(local: LocalPubsub) -> None:
    """One refused alert does not break the connection."""
    sender = connected(incident_topic="late")
    with pytest.raises(Refused):
        sender.publish_all([alert()])
    publisher = pubsub_v1.PublisherClient()
    publisher.create_topic(name="projects/p/topics/late")

    assert sender.publish_all([alert()])
    publisher.transport.close()
    sender.close()


def test_missing_service_is_unavailable_within_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Pub/Sub the publisher raises within the timeout."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{taken.getsockname()[1]}")
        sender = connected(bus_timeout_s=0.5)
        start = time.monotonic()

        with pytest.raises(Unavailable, match="Pub/Sub"):
            sender.publish_all([alert()])

        assert time.monotonic() - start < 30
        sender.close()


def test_no_reply_is_uncertain_within_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that accepts the connection and never answers may have the alert."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", f"127.0.0.1:{silent.getsockname()[1]}")
        sender = connected(bus_timeout_s=0.5)
        start = time.monotonic()

        with pytest.raises(Uncertain, match="Pub/Sub"):
            sender.publish_all([alert()])

        assert time.monotonic() - start < 30
        sender.close()


def test_connect_without_a_project_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing variable is named."""
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)

    with pytest.raises(Misconfigured, match="GOOGLE_CLOUD_PROJECT"):
        pubsub.connect()


def test_connect_returns_the_same_publisher(local: LocalPubsub, monkeypatch: pytest.MonkeyPatch) -> None:
    """One connection serves a whole process."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "p")

    assert pubsub.connect() is pubsub.connect()


def test_emulators_leave_nothing_running(tmp_path: Path) -> None:
    """An emulator's port is free again after it stops; its Java process has ended too."""
    need("pubsub")
    with emulators.pubsub(tmp_path / "log") as address:
        host, port = address.split(":")

    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0
