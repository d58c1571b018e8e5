"""Dead-lettered messages: list them, and publish them again when the cause is fixed."""

import json
from dataclasses import dataclass
from datetime import datetime

from google.api_core import exceptions as google_errors
from google.pubsub_v1 import SubscriberClient, types
from rich.console import Console

from infra.local.pubsub import topics

_BY_PUBSUB = "CloudPubSubDeadLetterSource"
_ADDED = ("reason", "original_message_id")
_EMPTY_S = 2.0
_PAGE = 100


@dataclass(frozen=True)
class UnhandledMessage:
    """One dead-lettered message; `attributes` and `data` are the original's."""

    ack_id: str
    message_id: str
    """The original's id; empty, because unknown, when Pub/Sub itself dead-lettered it."""
    reason: str
    at: datetime
    attributes: dict[str, str]
    data: bytes


def read(address: str, project: str) -> list[UnhandledMessage]:
    """Return the dead letters, oldest first; they stay in the subscription."""
    with topics.clients(address) as (_, subscriber):
        messages = _take(subscriber, project)
        if messages:
            ack_ids = [message.ack_id for message in messages]
            subscriber.modify_ack_deadline(
                subscription=topics.dead_reader(project),
                ack_ids=ack_ids,
                ack_deadline_seconds=0,
                timeout=topics.TIMEOUT_S,
            )
    return messages


def replay(address: str, project: str) -> list[UnhandledMessage]:
    """Publish every dead letter in its original form and acknowledge it; return them."""
    with topics.clients(address) as (publisher, subscriber):
        messages = _take(subscriber, project)
        for message in messages:
            original = types.PubsubMessage(data=message.data, attributes=message.attributes)
            topic = f"projects/{project}/topics/{topics.ALERTS}"
            publisher.publish(topic=topic, messages=[original], timeout=topics.TIMEOUT_S)
            reader = topics.dead_reader(project)
            subscriber.acknowledge(subscription=reader, ack_ids=[message.ack_id], timeout=topics.TIMEOUT_S)
    return messages


def show(messages: list[UnhandledMessage], console: Console) -> None:
    """Print each message: when, which, why, and the first bytes of its data."""
    for message in messages:
        head = f"{message.at:%Y-%m-%d %H:%M:%S}  message {message.message_id or '?'}  {json.dumps(message.attributes)}"
        for line in (head, f"  {message.reason}", f"  {message.data[:300]!r}"):
            console.print(line, soft_wrap=True, highlight=False, markup=False)


def _take(subscriber: SubscriberClient, project: str) -> list[UnhandledMessage]:
    """Return every dead letter, oldest first; other subscribers cannot pull them until the ack deadline."""
    messages: list[UnhandledMessage] = []
    while pulled := _pull(subscriber, topics.dead_reader(project)):
        messages += [_unhandled_message(one) for one in pulled]
    return sorted(messages, key=lambda message: message.at)


def _pull(subscriber: SubscriberClient, reader: str) -> list[types.ReceivedMessage]:
    """Return the next page; empty after `_EMPTY_S` seconds, because the emulator does not answer without messages."""
    try:
        pulled = subscriber.pull(subscription=reader, max_messages=_PAGE, retry=None, timeout=_EMPTY_S)
    except google_errors.DeadlineExceeded:
        return []
    return list(pulled.received_messages)


def _unhandled_message(received: types.ReceivedMessage) -> UnhandledMessage:
    message = received.message
    attributes = dict(message.attributes)
    attempts = attributes.get(f"{_BY_PUBSUB}DeliveryCount")
    recorded = attributes.get("reason", "no reason was recorded")
    reason = f"not acknowledged in {attempts} deliveries" if attempts else recorded
    own = {key: value for key, value in attributes.items() if key not in _ADDED and not key.startswith(_BY_PUBSUB)}
    at = datetime.fromisoformat(message.publish_time.isoformat())
    return UnhandledMessage(received.ack_id, attributes.get("original_message_id", ""), reason, at, own, message.data)
