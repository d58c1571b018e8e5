"""Subscriptions of the Pub/Sub stand-in: push until acknowledged or dead-lettered, or keep until acknowledged.

Source: https://cloud.google.com/pubsub/docs/push, https://cloud.google.com/pubsub/docs/handling-failures
"""

import base64
import itertools
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

ACKNOWLEDGED = (102, 200, 201, 202, 204)
"""According to Pub/Sub's documentation; its emulator 0.8.20 treats 202 as a failure."""

_THREADS = 16

log = logging.getLogger("pubsub")


@dataclass(frozen=True)
class Retries:
    """How often one message is delivered again, times in seconds; without `attempts` there is no limit."""

    attempts: int | None = None
    first_wait_s: float = 0.2
    max_wait_s: float = 10.0
    ack_deadline_s: float = 60.0

    def wait_s(self, attempt: int) -> float:
        """Return the wait in seconds after this attempt, counted from 1."""
        return float(min(self.first_wait_s * 2 ** min(attempt - 1, 30), self.max_wait_s))


@dataclass(frozen=True)
class Message:
    """One published message."""

    message_id: str
    data: bytes
    attributes: Mapping[str, str]
    published_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def envelope(self, subscription: str, attempt: int) -> bytes:
        """Return the body of a push; Pub/Sub writes ids and times in both spellings."""
        published_at = _stamp(self.published_at)
        message = {
            "data": base64.b64encode(self.data).decode(),
            "attributes": dict(self.attributes),
            "message_id": self.message_id,
            "messageId": self.message_id,
            "publish_time": published_at,
            "publishTime": published_at,
        }
        return json.dumps({"message": message, "subscription": subscription, "deliveryAttempt": attempt}).encode()

    def dead(self, subscription: str, attempts: int) -> "Message":
        """Return the message as Pub/Sub forwards it to a dead-letter topic."""
        _, project, _, name = subscription.split("/")
        source = "CloudPubSubDeadLetterSource"
        source_attributes = {
            f"{source}DeliveryCount": str(attempts),
            f"{source}Subscription": name,
            f"{source}SubscriptionProject": project,
            f"{source}TopicPublishTime": _stamp(self.published_at),
        }
        return replace(self, attributes={**self.attributes, **source_attributes})


class Subscription(Protocol):
    """Receives the messages of one topic."""

    def put(self, message: Message) -> None:
        """Deliver the message at least once."""
        ...

    def stop(self) -> None:
        """Stop delivering."""
        ...


class Push:
    """Posts each message to one endpoint; calls `dead_letter` with those that were never acknowledged."""

    def __init__(self, name: str, endpoint: str, retries: Retries, dead_letter: Callable[[Message], None]) -> None:
        self._name = name
        self._endpoint = endpoint
        self._retries = retries
        self._dead_letter = dead_letter
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="push")
        self._is_stopped = threading.Event()
        # The endpoint is on this machine, so a configured proxy is ignored.
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def put(self, message: Message, attempt: int = 1) -> None:
        """Push the message soon, and again until it is acknowledged."""
        if not self._is_stopped.is_set():
            self._pool.submit(self._push, message, attempt)

    def stop(self) -> None:
        """Stop delivering."""
        self._is_stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _push(self, message: Message, attempt: int) -> None:
        answer = self._post(message.envelope(self._name, attempt))
        if answer in ACKNOWLEDGED:
            log.info("message %s acknowledged with %s at attempt %d", message.message_id, answer, attempt)
        elif attempt == self._retries.attempts:
            log.error("message %s is dead after %d attempts: %r", message.message_id, attempt, message.data)
            self._dead_letter(message.dead(self._name, attempt))
        else:
            wait_s = self._retries.wait_s(attempt)
            log.warning("message %s got %s at attempt %d, again in %g s", message.message_id, answer, attempt, wait_s)
            timer = threading.Timer(wait_s, self.put, (message, attempt + 1))
            timer.daemon = True
            timer.start()

    def _post(self, body: bytes) -> int | str:
        """Return the HTTP status, or the error as text."""
        request = urllib.request.Request(self._endpoint, body, {"Content-Type": "application/json"})  # noqa: S310  # loopback
        try:
            with self._http.open(request, timeout=self._retries.ack_deadline_s) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError as error:
            return str(error)


class Pull:
    """Keeps messages until they are acknowledged; a pulled message is invisible until its ack deadline."""

    def __init__(self, ack_deadline_s: float) -> None:
        self._ack_deadline_s = ack_deadline_s
        self._unacknowledged: dict[str, tuple[Message, float]] = {}
        self._ids = itertools.count(1)
        self._changed = threading.Condition()

    def put(self, message: Message) -> None:
        """Keep the message."""
        with self._changed:
            self._unacknowledged[f"ack-{next(self._ids)}"] = (message, 0.0)
            self._changed.notify_all()

    def pull(self, limit: int, timeout_s: float) -> list[tuple[str, Message]]:
        """Return at most `limit` messages with their ack ids, waiting up to `timeout_s` seconds for the first."""
        with self._changed:
            self._changed.wait_for(self._visible, timeout_s)
            pulled = self._visible()[:limit]
            self.extend(pulled, self._ack_deadline_s)
            return [(ack_id, self._unacknowledged[ack_id][0]) for ack_id in pulled]

    def acknowledge(self, ack_ids: Iterable[str]) -> None:
        """Forget the messages."""
        with self._changed:
            for ack_id in ack_ids:
                self._unacknowledged.pop(ack_id, None)

    def extend(self, ack_ids: Iterable[str], seconds: float) -> None:
        """Make the messages invisible for this long from now; 0 makes them visible at once."""
        with self._changed:
            for ack_id in ack_ids:
                if ack_id in self._unacknowledged:
                    self._unacknowledged[ack_id] = (self._unacknowledged[ack_id][0], time.monotonic() + seconds)

    def stop(self) -> None:
        """Stop delivering."""

    def _visible(self) -> list[str]:
        return [ack_id for ack_id, (_, until) in self._unacknowledged.items() if until <= time.monotonic()]


def _stamp(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
