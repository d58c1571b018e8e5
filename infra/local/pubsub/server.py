"""
A stand-in for Pub/Sub where Google's emulator is not installed: topics, push and pull subscriptions, dead letters.

    python -m infra.local.pubsub.server --port 8085

Google's own clients speak gRPC to it through PUBSUB_EMULATOR_HOST. Messages are in memory only: lost when it stops.
Source: https://cloud.google.com/pubsub/docs/reference/rpc
"""

import argparse
import itertools
import json
import logging
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self, TypeVar

import grpc
import proto  # type: ignore[import-untyped]  # no stubs exist
from google.pubsub_v1 import types

from infra.local.pubsub.subscriptions import Message, Pull, Push, Retries, Subscription

HOST = "127.0.0.1"
_THREADS = 16
_PULL_WAIT_S = 1.0

Request = TypeVar("Request", bound=proto.Message)


class NameTaken(Exception):
    """A topic or subscription with this name exists."""


class LocalPubsub:
    """
    Topics and their subscriptions on one loopback port; with port 0 the operating system chooses.

    Raises OSError when the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._topics: dict[str, list[Subscription]] = {}
        self._subscriptions: dict[str, Push | Pull] = {}
        self._ids = itertools.count(1)
        # Without SO_REUSEPORT a second server on the same port is refused instead of taking half of the messages.
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._server.add_generic_rpc_handlers(self._handlers())
        try:
            self.port: int = self._server.add_insecure_port(f"{HOST}:{port}")
        except RuntimeError as error:
            raise OSError(f"the local Pub/Sub cannot listen on {HOST}:{port}: {error}") from error

    @property
    def address(self) -> str:
        """The value of PUBSUB_EMULATOR_HOST."""
        return f"{HOST}:{self.port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.stop(grace=0).wait()
        for subscription in self._subscriptions.values():
            subscription.stop()

    def _handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        publisher = {
            "CreateTopic": _method(self._create_topic, types.Topic),
            "GetTopic": _method(self._get_topic, types.GetTopicRequest),
            "Publish": _method(self._publish, types.PublishRequest),
        }
        subscriber = {
            "CreateSubscription": _method(self._create_subscription, types.Subscription),
            "Pull": _method(self._pull, types.PullRequest),
            "Acknowledge": _method(self._acknowledge, types.AcknowledgeRequest),
            "ModifyAckDeadline": _method(self._modify_ack_deadline, types.ModifyAckDeadlineRequest),
        }
        services = (("google.pubsub.v1.Publisher", publisher), ("google.pubsub.v1.Subscriber", subscriber))
        return tuple(_service(name, methods) for name, methods in services)

    def _create_topic(self, request: types.Topic) -> types.Topic:
        if request.name in self._topics:
            raise NameTaken(f"topic {request.name!r} exists already")
        self._topics[request.name] = []
        return request

    def _get_topic(self, request: types.GetTopicRequest) -> types.Topic:
        self._subscribers(request.topic)
        return types.Topic(name=request.topic)

    def _publish(self, request: types.PublishRequest) -> types.PublishResponse:
        messages = [Message(str(next(self._ids)), one.data, dict(one.attributes)) for one in request.messages]
        for subscription in self._subscribers(request.topic):
            for message in messages:
                subscription.put(message)
        return types.PublishResponse(message_ids=[message.message_id for message in messages])

    def _create_subscription(self, request: types.Subscription) -> types.Subscription:
        if request.name in self._subscriptions:
            raise NameTaken(f"subscription {request.name!r} exists already")
        subscribers = self._subscribers(request.topic)
        endpoint = request.push_config.push_endpoint
        subscription = self._push(request, endpoint) if endpoint else Pull(request.ack_deadline_seconds or 10)
        self._subscriptions[request.name] = subscription
        subscribers.append(subscription)
        return request

    def _push(self, request: types.Subscription, endpoint: str) -> Push:
        dead_letter_topic = request.dead_letter_policy.dead_letter_topic

        def dead_letter(message: Message) -> None:
            forwarded = Message(str(next(self._ids)), message.data, message.attributes)
            for subscription in self._topics.get(dead_letter_topic, []):
                subscription.put(forwarded)

        return Push(request.name, endpoint, _retries(request), dead_letter)

    def _pull(self, request: types.PullRequest) -> types.PullResponse:
        pulled = self._pull_subscription(request.subscription).pull(request.max_messages, _PULL_WAIT_S)
        received = [types.ReceivedMessage(ack_id=ack_id, message=_to_pubsub(message)) for ack_id, message in pulled]
        return types.PullResponse(received_messages=received)

    def _acknowledge(self, request: types.AcknowledgeRequest) -> None:
        self._pull_subscription(request.subscription).acknowledge(request.ack_ids)

    def _modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest) -> None:
        self._pull_subscription(request.subscription).extend(request.ack_ids, request.ack_deadline_seconds)

    def _subscribers(self, topic: str) -> list[Subscription]:
        if topic not in self._topics:
            raise LookupError(f"there is no topic {topic!r}; there are {', '.join(sorted(self._topics)) or 'none'}")
        return self._topics[topic]

    def _pull_subscription(self, name: str) -> Pull:
        subscription = self._subscriptions.get(name)
        if isinstance(subscription, Pull):
            return subscription
        raise LookupError(f"there is no subscription {name!r} to pull from")


def _retries(request: types.Subscription) -> Retries:
    """Return the retry settings of a subscription; unset times keep their defaults."""
    retries, policy = Retries(), request.retry_policy
    return Retries(
        attempts=request.dead_letter_policy.max_delivery_attempts or None,
        first_wait_s=policy.minimum_backoff.total_seconds() if policy.minimum_backoff else retries.first_wait_s,
        max_wait_s=policy.maximum_backoff.total_seconds() if policy.maximum_backoff else retries.max_wait_s,
        ack_deadline_s=request.ack_deadline_seconds or retries.ack_deadline_s,
    )


def _to_pubsub(message: Message) -> types.PubsubMessage:
    return types.PubsubMessage(
        data=message.data,
        attributes=dict(message.attributes),
        message_id=message.message_id,
        publish_time=message.published_at,
    )


def _service(name: str, methods: Mapping[str, grpc.RpcMethodHandler]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(name, methods)  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped


def _method(answer: Callable[[Request], proto.Message | None], kind: type[Request]) -> grpc.RpcMethodHandler:
    def serve(request: Request, context: grpc.ServicerContext) -> proto.Message | None:
        try:
            return answer(request)
        except LookupError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))  # type: ignore[no-untyped-call]  # the library leaves it untyped
            raise
        except NameTaken as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))  # type: ignore[no-untyped-call]  # the library leaves it untyped
            raise

    return grpc.unary_unary_rpc_method_handler(serve, kind.deserialize, _serialized)  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped


def _serialized(reply: proto.Message | None) -> bytes:
    """Return the bytes of the reply; None becomes google.protobuf.Empty."""
    return b"" if reply is None else bytes(type(reply).serialize(reply))


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is JSON with the address."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Stand in for Pub/Sub on this machine; messages are in memory only.")
    parser.add_argument("--port", type=int, default=0, help="gRPC port; with 0 the operating system chooses")
    options = parser.parse_args()
    stop_requested = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop_requested.set())
    with LocalPubsub(options.port) as pubsub:
        print(json.dumps({"grpc": pubsub.address, "messages": "in memory"}), flush=True)
        # A signal that comes just before the wait begins would not end it.
        while not stop_requested.wait(0.5):
            pass


if __name__ == "__main__":
    main()
