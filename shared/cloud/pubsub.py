"""
Pub/Sub between alert_intake and workflow_starter: one message per alert, a topic for dead letters, and one that wakes.

What starts an investigation also wakes the functions of its path: each has a subscription of its own to the topic of
waking, so that all start beside each other while the alert is on its way. Such a message holds nothing.
"""

import functools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import copy_context

import grpc
from google import pubsub_v1
from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from pydantic import Field

from shared import log
from shared.admission.operator_requests import ATTRIBUTE, OperatorRequest
from shared.cloud.dead_letter import DeadLetter
from shared.contracts import Alert
from shared.errors import IncidentCopilotError, Uncertain
from shared.http.google_errors import translated
from shared.settings import Settings

# https://cloud.google.com/pubsub/quotas#resource_limits
ATTRIBUTES_LIMIT = 100
ATTRIBUTE_LIMIT_BYTES = 1024
WAKE_EVERY_S = 60.0
"""Between two messages that wake: an instance stays for minutes after its last request, so more would wake nobody."""
WAKE_WAIT_S = 1.0
"""How much longer than for the alert itself is waited for such a message, so that it is sent before the answer is."""


class PubsubSettings(Settings):
    """
    The topics of alerts and of messages that can never be handled.

    `bus_timeout_s` bounds the wait for Pub/Sub's confirmation, in seconds.
    """

    google_cloud_project: str = Field(
        min_length=1, description="Id of the Google Cloud project; unset, traces are kept in a local file."
    )
    incident_topic: str = Field("incident-alerts", min_length=1, description="Pub/Sub topic of the alerts.")
    dead_letter_topic: str = Field(
        "incident-alerts-dead", min_length=1, description="Pub/Sub topic of the messages that cannot be handled."
    )
    wake_topic: str = Field(
        "incident-wake", min_length=1, description="Pub/Sub topic of the messages that wake the functions of the path."
    )
    wake_functions: bool = Field(
        True,
        description="An alert first wakes every function of its path at once, so that they start beside each other.",
    )
    bus_timeout_s: float = Field(
        10, gt=0, le=300, description="Time to publish to Pub/Sub, retries included, in seconds."
    )
    pubsub_emulator_host: str | None = Field(
        None, description="host:port of a Pub/Sub emulator; unset, Google's Pub/Sub."
    )


class AlertPublisher:
    """
    Publishes alerts. Publishing one again is harmless: the subscriber recognises an incident by its id.

    The plain client is used, not the batching one: there an alert waits until a batch is full, and one failed
    batch makes the client refuse every later message of the topic.
    """

    def __init__(self, settings: PubsubSettings) -> None:
        self._timeout_s = settings.bus_timeout_s
        topics = f"projects/{settings.google_cloud_project}/topics"
        self._topic, self._dead_topic = f"{topics}/{settings.incident_topic}", f"{topics}/{settings.dead_letter_topic}"
        transient = (google_errors.ServiceUnavailable, google_errors.Aborted, google_errors.InternalServerError)
        self._retry = Retry(if_exception_type(*transient), initial=0.1, maximum=2, timeout=self._timeout_s)
        self._wake_topic = f"{topics}/{settings.wake_topic}" if settings.wake_functions else None
        self._woken_at = -WAKE_EVERY_S
        with translated("Pub/Sub", on_timeout=Uncertain):
            self._client = _connect(settings.pubsub_emulator_host)

    def publish_all(self, alerts: Sequence[Alert]) -> list[str]:
        """
        Publish alerts in one request; return their message ids once Pub/Sub has confirmed them all.

        Where one of them fires, the functions are woken beside it.
        Raises Unavailable (no service), Throttled (quota), Refused (permission, no topic), Uncertain (sent, no reply).
        Source: Pub/Sub API, Publish.
        """
        is_investigated = any(alert.status == "firing" for alert in alerts)
        with self._waking() if is_investigated else nullcontext():
            return self._publish(self._topic, [_message(alert) for alert in alerts])

    def publish_request(self, request: OperatorRequest) -> str:
        """Publish what a person asks for; return its message id. Raises as `publish_all`."""
        data = request.model_dump_json().encode()
        message = pubsub_v1.PubsubMessage(data=data, attributes={ATTRIBUTE: request.kind})
        with self._waking() if request.kind == "investigate" else nullcontext():
            return self._publish(self._topic, [message])[0]

    def dead_letter(self, message: DeadLetter, reason: str) -> str:
        """
        Publish a message to the dead-letter topic; return its new id. Raises as `publish_all`.

        It is unchanged except for the attributes `reason` and `original_message_id`.
        """
        return self._publish(self._dead_topic, [_dead_letter_message(message, reason)])[0]

    @contextmanager
    def _waking(self) -> Iterator[None]:
        """Wake the functions beside what the block does, unless that was done in the last WAKE_EVERY_S."""
        now = time.monotonic()
        if self._wake_topic is None or now - self._woken_at < WAKE_EVERY_S:
            yield
            return
        self._woken_at = now
        waking = threading.Thread(target=copy_context().run, args=(self._wake, self._wake_topic), daemon=True)
        try:
            waking.start()
        except RuntimeError as error:
            # No thread is left; an alert is published without one.
            log.warning("pubsub.not_woken", error_type=type(error).__name__, error=str(error))
        try:
            yield
        finally:
            if waking.ident is not None:
                waking.join(WAKE_WAIT_S)

    def _wake(self, topic: str) -> None:
        """Publish the message that wakes; without it each function starts when it is called, which takes longer."""
        try:
            self._publish(topic, [pubsub_v1.PubsubMessage(attributes={"wake": "path"})])
        except IncidentCopilotError as error:
            log.warning("pubsub.not_woken", error_type=type(error).__name__, error=str(error))

    def _publish(self, topic: str, messages: list[pubsub_v1.PubsubMessage]) -> list[str]:
        request = pubsub_v1.PublishRequest(topic=topic, messages=messages)
        with translated("Pub/Sub", on_timeout=Uncertain):
            return list(self._client.publish(request, retry=self._retry, timeout=self._timeout_s).message_ids)

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped


def connect() -> AlertPublisher:
    """Return the publisher for the current settings, the same one each time. Raises Misconfigured."""
    return _publisher(PubsubSettings.from_env())


@functools.cache
def _publisher(settings: PubsubSettings) -> AlertPublisher:
    return AlertPublisher(settings)


def _connect(emulator_host: str | None) -> pubsub_v1.PublisherClient:
    if emulator_host is None:
        return pubsub_v1.PublisherClient()
    channel = grpc.insecure_channel(emulator_host)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return pubsub_v1.PublisherClient(transport=PublisherGrpcTransport(channel=channel))


def _message(alert: Alert) -> pubsub_v1.PubsubMessage:
    # The attributes are for people and filters only, so non-ASCII characters may be lost there.
    service_name = alert.service_name.encode("ascii", "replace").decode()
    attributes = {"incident_id": alert.incident_id, "service_name": service_name}
    return pubsub_v1.PubsubMessage(data=alert.model_dump_json().encode(), attributes=attributes)


def _dead_letter_message(message: DeadLetter, reason: str) -> pubsub_v1.PubsubMessage:
    truncated = reason.encode()[:ATTRIBUTE_LIMIT_BYTES].decode("utf-8", "ignore")
    own = {"reason": truncated, "original_message_id": message.message_id}
    others = [pair for pair in message.attributes.items() if pair[0] not in own]
    return pubsub_v1.PubsubMessage(data=message.data, attributes={**dict(others[: ATTRIBUTES_LIMIT - len(own)]), **own})
