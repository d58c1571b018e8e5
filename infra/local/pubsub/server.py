"""
A stand-in for Pub/Sub where Google's emulator is not installed: topics, push and pull subscriptions, dead letters.

    python -m infra.local.pubsub.server --port 8085

Google's own clients speak gRPC to it through PUBSUB_EMULATOR_HOST. Messages live in memory: they are gone when it ends.
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

Ask = TypeVar("Ask", bound=proto.Message)


class NameTaken(Exception):
    """The name is taken."""


class LocalPubsub:
    """
    Topics and their subscriptions on one loopback port; port 0 lets the system choose.

    Raises OSError when the port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self._topics: dict[str, list[Subscription]] = {}
        self._subscriptions: dict[str, Push | Pull] = {}
        self._ids = itertools.count(1)
        # Without SO_REUSEPORT a second bus on the same port is refused instead of taking half of the messages.
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._server.add_generic_rpc_handlers(self._handlers())
        try:
            self.port: int = self._server.add_insecure_port(f"{HOST}:{port}")
        except RuntimeError as error:
            raise OSError(f"the bus cannot listen on {HOST}:{port}: {error}") from error

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

    def _create_topic(self, asked: types.Topic) -> types.Topic:
        if asked.name in self._topics:
            raise NameTaken(f"there is a topic {asked.name!r} already")
        self._topics[asked.name] = []
        return asked

    def _get_topic(self, asked: types.GetTopicRequest) -> types.Topic:
        self._subscribers(asked.topic)
        return types.Topic(name=asked.topic)

    def _publish(self, asked: types.PublishRequest) -> types.PublishResponse:
        messages = [Message(str(next(self._ids)), one.data, dict(one.attributes)) for one in asked.messages]
        for subscription in self._subscribers(asked.topic):
            for message in messages:
                subscription.put(message)
        return types.PublishResponse(message_ids=[message.message_id for message in messages])

    def _create_subscription(self, asked: types.Subscription) -> types.Subscription:
        if asked.name in self._subscriptions:
            raise NameTaken(f"there is a subscription {asked.name!r} already")
        subscribers = self._subscribers(asked.topic)
        endpoint = asked.push_config.push_endpoint
        made = self._push(asked, endpoint) if endpoint else Pull(asked.ack_deadline_seconds or 10)
        self._subscriptions[asked.name] = made
        subscribers.append(made)
        return asked

    def _push(self, asked: types.Subscription, endpoint: str) -> Push:
        dead_letter_topic = asked.dead_letter_policy.dead_letter_topic

        def dead_letter(message: Message) -> None:
            buried = Message(str(next(self._ids)), message.data, message.attributes)
            for subscription in self._topics.get(dead_letter_topic, []):
                subscription.put(buried)

        return Push(asked.name, endpoint, _retries(asked), dead_letter)

    def _pull(self, asked: types.PullRequest) -> types.PullResponse:
        pulled = self._pulled(asked.subscription).pull(asked.max_messages, _PULL_WAIT_S)
        received = [types.ReceivedMessage(ack_id=ack_id, message=_wire(message)) for ack_id, message in pulled]
        return types.PullResponse(received_messages=received)

    def _acknowledge(self, asked: types.AcknowledgeRequest) -> None:
        self._pulled(asked.subscription).acknowledge(asked.ack_ids)

    def _modify_ack_deadline(self, asked: types.ModifyAckDeadlineRequest) -> None:
        self._pulled(asked.subscription).extend(asked.ack_ids, asked.ack_deadline_seconds)

    def _subscribers(self, topic: str) -> list[Subscription]:
        if topic not in self._topics:
            raise LookupError(f"there is no topic {topic!r}; there are {', '.join(sorted(self._topics)) or 'none'}")
        return self._topics[topic]

    def _pulled(self, name: str) -> Pull:
        found = self._subscriptions.get(name)
        if isinstance(found, Pull):
            return found
        raise LookupError(f"there is no subscription {name!r} to pull from")


def _retries(asked: types.Subscription) -> Retries:
    """Return what a subscription asks for; unset times keep their defaults."""
    retries, policy = Retries(), asked.retry_policy
    return Retries(
        attempts=asked.dead_letter_policy.max_delivery_attempts or None,
        first_wait_s=policy.minimum_backoff.total_seconds() if policy.minimum_backoff else retries.first_wait_s,
        longest_wait_s=policy.maximum_backoff.total_seconds() if policy.maximum_backoff else retries.longest_wait_s,
        ack_deadline_s=asked.ack_deadline_seconds or retries.ack_deadline_s,
    )


def _wire(message: Message) -> types.PubsubMessage:
    return types.PubsubMessage(
        data=message.data,
        attributes=dict(message.attributes),
        message_id=message.message_id,
        publish_time=message.published_at,
    )


def _service(name: str, methods: Mapping[str, grpc.RpcMethodHandler]) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(name, methods)  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped


def _method(answer: Callable[[Ask], proto.Message | None], request: type[Ask]) -> grpc.RpcMethodHandler:
    def serve(asked: Ask, context: grpc.ServicerContext) -> proto.Message | None:
        try:
            return answer(asked)
        except LookupError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))  # type: ignore[no-untyped-call]  # the library leaves it untyped
            raise
        except NameTaken as error:
            context.abort(grpc.StatusCode.ALREADY_EXISTS, str(error))  # type: ignore[no-untyped-call]  # the library leaves it untyped
            raise

    return grpc.unary_unary_rpc_method_handler(serve, request.deserialize, _serialized)  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped


def _serialized(reply: proto.Message | None) -> bytes:
    """Return the bytes of the reply; none is google.protobuf.Empty."""
    return b"" if reply is None else bytes(type(reply).serialize(reply))


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is JSON and says where."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Stand in for Pub/Sub on this machine; messages live in memory.")
    parser.add_argument("--port", type=int, default=0, help="port of gRPC, 0 lets the system choose")
    options = parser.parse_args()
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with LocalPubsub(options.port) as bus:
        print(json.dumps({"grpc": bus.address, "messages": "in memory"}), flush=True)
        asked_to_stop.wait()


if __name__ == "__main__":
    main()
