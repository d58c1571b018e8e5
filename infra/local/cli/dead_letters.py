"""Messages nobody could handle: looked at, and sent to the starter once more when what stopped them is mended."""

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
    """One dead message; `attributes` and `data` are the original's."""

    ack_id: str
    message_id: str
    """The original's id; unknown, hence empty, when Pub/Sub itself gave up on it."""
    reason: str
    at: datetime
    attributes: dict[str, str]
    data: bytes


def read(address: str, project: str) -> list[UnhandledMessage]:
    """Return the dead letters, oldest first; they stay where they are."""
    with topics.clients(address) as (_, subscriber):
        letters = _take(subscriber, project)
        if letters:
            ack_ids = [letter.ack_id for letter in letters]
            subscriber.modify_ack_deadline(
                subscription=topics.dead_reader(project),
                ack_ids=ack_ids,
                ack_deadline_seconds=0,
                timeout=topics.TIMEOUT_S,
            )
    return letters


def replay(address: str, project: str) -> list[UnhandledMessage]:
    """Publish every dead letter as it once was, and forget it; return them."""
    with topics.clients(address) as (publisher, subscriber):
        letters = _take(subscriber, project)
        for letter in letters:
            message = types.PubsubMessage(data=letter.data, attributes=letter.attributes)
            topic = f"projects/{project}/topics/{topics.ALERTS}"
            publisher.publish(topic=topic, messages=[message], timeout=topics.TIMEOUT_S)
            reader = topics.dead_reader(project)
            subscriber.acknowledge(subscription=reader, ack_ids=[letter.ack_id], timeout=topics.TIMEOUT_S)
    return letters


def show(letters: list[UnhandledMessage], console: Console) -> None:
    """Print each letter: when, which, why, and the beginning of what it says."""
    for letter in letters:
        head = f"{letter.at:%Y-%m-%d %H:%M:%S}  message {letter.message_id or '?'}  {json.dumps(letter.attributes)}"
        for line in (head, f"  {letter.reason}", f"  {letter.data[:300]!r}"):
            console.print(line, soft_wrap=True, highlight=False, markup=False)


def _take(subscriber: SubscriberClient, project: str) -> list[UnhandledMessage]:
    """Return every dead letter, oldest first, out of sight of others until its deadline."""
    found: list[UnhandledMessage] = []
    while pulled := _pull(subscriber, topics.dead_reader(project)):
        found += [_letter(one) for one in pulled]
    return sorted(found, key=lambda letter: letter.at)


def _pull(subscriber: SubscriberClient, reader: str) -> list[types.ReceivedMessage]:
    """Return the next page; none when nothing comes for a while, for the emulator waits in silence."""
    try:
        pulled = subscriber.pull(subscription=reader, max_messages=_PAGE, retry=None, timeout=_EMPTY_S)
    except google_errors.DeadlineExceeded:
        return []
    return list(pulled.received_messages)


def _letter(received: types.ReceivedMessage) -> UnhandledMessage:
    message = received.message
    told = dict(message.attributes)
    attempts = told.get(f"{_BY_PUBSUB}DeliveryCount")
    reason = f"not acknowledged in {attempts} deliveries" if attempts else told.get("reason", "no reason was recorded")
    own = {key: value for key, value in told.items() if key not in _ADDED and not key.startswith(_BY_PUBSUB)}
    at = datetime.fromisoformat(message.publish_time.isoformat())
    return UnhandledMessage(received.ack_id, told.get("original_message_id", ""), reason, at, own, message.data)
