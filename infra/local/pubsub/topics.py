"""Create the topics and subscriptions of the system over Pub/Sub's gRPC: in the stand-in or the emulator."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

ALERTS, DEAD = "incident-alerts", "incident-alerts-dead"
WAKE = "incident-wake"
STARTER, DEAD_READER = "workflow_starter", "incident-alerts-dead"
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class SubscriptionPolicy:
    """
    How a message is delivered again; times are in seconds, `waits_s` is the minimum and maximum between two attempts.

    The attempts, 5 to 100, must outlast the starter's lease; else a message whose starter died is dead-lettered.
    """

    attempts: int
    waits_s: tuple[float, float] | None
    ack_deadline_s: int = 60


STAND_IN = SubscriptionPolicy(60, (0.2, 10.0))
# With a back-off the emulator (0.8.20) soon stops redelivering when two messages fail at the same time. Without one it
# redelivers each second.
EMULATOR = SubscriptionPolicy(100, None)


def create(
    address: str, project: str, endpoint: str, policy: SubscriptionPolicy, woken: Mapping[str, str] | None = None
) -> None:
    """
    Create the topics and their subscriptions.

    The alerts are pushed to `endpoint`, the dead letters wait to be pulled, and the messages that wake are pushed to
    every address of `woken`, by function. Raises google.api_core.exceptions.GoogleAPICallError.
    """
    alerts, dead, wake = (f"projects/{project}/topics/{name}" for name in (ALERTS, DEAD, WAKE))
    with clients(address) as (publisher, subscriber):
        for topic in (dead, alerts, wake):
            publisher.create_topic(name=topic, timeout=TIMEOUT_S)
        reader = types.Subscription(name=dead_reader(project), topic=dead, ack_deadline_seconds=10)
        pushed = _pushed(f"projects/{project}/subscriptions/{STARTER}", alerts, endpoint, policy)
        pushed.dead_letter_policy = types.DeadLetterPolicy(
            dead_letter_topic=dead, max_delivery_attempts=policy.attempts
        )
        wakers = [
            _pushed(f"projects/{project}/subscriptions/{WAKE}-to-{name}", wake, url, policy)
            for name, url in (woken or {}).items()
        ]
        for subscription in (reader, pushed, *wakers):
            subscriber.create_subscription(subscription, timeout=TIMEOUT_S)


def _pushed(name: str, topic: str, endpoint: str, policy: SubscriptionPolicy) -> types.Subscription:
    subscription = types.Subscription(
        name=name,
        topic=topic,
        push_config={"push_endpoint": endpoint},
        ack_deadline_seconds=policy.ack_deadline_s,
    )
    if policy.waits_s is not None:
        min_wait, max_wait = (timedelta(seconds=wait_s) for wait_s in policy.waits_s)
        subscription.retry_policy = types.RetryPolicy(minimum_backoff=min_wait, maximum_backoff=max_wait)
    return subscription


def dead_reader(project: str) -> str:
    """Return the name of the pull subscription of the dead-letter topic."""
    return f"projects/{project}/subscriptions/{DEAD_READER}"


@contextmanager
def clients(address: str) -> Iterator[tuple[PublisherClient, SubscriberClient]]:
    """Yield Google's clients for the server at `address`."""
    with grpc.insecure_channel(address) as channel:  # type: ignore[no-untyped-call]  # the library leaves it untyped
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        yield publisher, SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
