"""The topics and subscriptions of the house, laid on whatever speaks Pub/Sub's gRPC: the stand-in or the emulator."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import grpc
from google.pubsub_v1 import PublisherClient, SubscriberClient, types
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

ALERTS, DEAD = "incident-alerts", "incident-alerts-dead"
STARTER, DEAD_READER = "workflow_starter", "incident-alerts-dead"
TIMEOUT_S = 20.0


@dataclass(frozen=True)
class SubscriptionPolicy:
    """
    How a message is delivered again; times are in seconds, `waits_s` the shortest and the longest between two attempts.

    The attempts, 5 to 100, must outlast the starter's lease, or a message whose starter died becomes a dead letter.
    """

    attempts: int
    waits_s: tuple[float, float] | None
    ack_deadline_s: int = 60


STAND_IN = SubscriptionPolicy(60, (0.2, 10.0))
# The emulator (0.8.20) asked for a back-off soon stops to deliver again when two messages fail at a time. Without, it
# delivers each second.
EMULATOR = SubscriptionPolicy(100, None)


def lay(address: str, project: str, endpoint: str, policy: SubscriptionPolicy) -> None:
    """
    Create the topic of alerts with its push to `endpoint`, and the topic of dead letters with a subscription to pull.

    Raises google.api_core.exceptions.GoogleAPICallError.
    """
    alerts, dead = f"projects/{project}/topics/{ALERTS}", f"projects/{project}/topics/{DEAD}"
    with clients(address) as (publisher, subscriber):
        for topic in (dead, alerts):
            publisher.create_topic(name=topic, timeout=TIMEOUT_S)
        reader = types.Subscription(name=dead_reader(project), topic=dead, ack_deadline_seconds=10)
        pushed = types.Subscription(
            name=f"projects/{project}/subscriptions/{STARTER}",
            topic=alerts,
            push_config={"push_endpoint": endpoint},
            ack_deadline_seconds=policy.ack_deadline_s,
            dead_letter_policy={"dead_letter_topic": dead, "max_delivery_attempts": policy.attempts},
        )
        if policy.waits_s is not None:
            shortest, longest = (timedelta(seconds=wait_s) for wait_s in policy.waits_s)
            pushed.retry_policy = types.RetryPolicy(minimum_backoff=shortest, maximum_backoff=longest)
        for subscription in (reader, pushed):
            subscriber.create_subscription(subscription, timeout=TIMEOUT_S)


def dead_reader(project: str) -> str:
    """Return the name of the subscription that dead letters are pulled from."""
    return f"projects/{project}/subscriptions/{DEAD_READER}"


@contextmanager
def clients(address: str) -> Iterator[tuple[PublisherClient, SubscriberClient]]:
    """Yield Google's clients for what listens at `address`."""
    with grpc.insecure_channel(address) as channel:  # type: ignore[no-untyped-call]  # the library leaves it untyped
        publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
        yield publisher, SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
