"""
A stand-in for Pub/Sub where Google's emulator is not installed: publishing by gRPC, delivery by HTTP push.

    python -m infra.local.bus --port 8085 --push http://127.0.0.1:8080/projects/local/topics/incident-alerts

Google's own client speaks to it through PUBSUB_EMULATOR_HOST. Messages live in memory: they are gone when it ends.
Source: https://cloud.google.com/pubsub/docs/push
"""

import argparse
import base64
import itertools
import json
import logging
import re
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

import grpc
import proto  # type: ignore[import-untyped]  # no stubs exist
from google.pubsub_v1 import types

HOST = "127.0.0.1"
SERVICE = "google.pubsub.v1.Publisher"
TOPIC = re.compile(r"projects/[^/]+/topics/[^/?]+")
ACKNOWLEDGED = (102, 200, 201, 202, 204)
_THREADS = 16

log = logging.getLogger("bus")
Ask = TypeVar("Ask", bound=proto.Message)


@dataclass(frozen=True)
class Retries:
    """How often and how patiently one message is delivered; times are in seconds."""

    attempts: int = 60
    first_wait_s: float = 0.2
    longest_wait_s: float = 10.0
    ack_deadline_s: float = 60.0

    def wait_s(self, attempt: int) -> float:
        """Return the wait after the given attempt, counted from 1."""
        return float(min(self.first_wait_s * 2 ** min(attempt - 1, 30), self.longest_wait_s))


@dataclass(frozen=True)
class Message:
    """One published message."""

    message_id: str
    topic: str
    data: bytes
    attributes: Mapping[str, str]
    published_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def envelope(self, attempt: int) -> bytes:
        """Return the body of a push; Pub/Sub writes ids and times in both spellings."""
        told = {"messageId": self.message_id, "publishTime": self.published_at.isoformat().replace("+00:00", "Z")}
        message = {
            "data": base64.b64encode(self.data).decode(),
            "attributes": dict(self.attributes),
            "message_id": told["messageId"],
            "publish_time": told["publishTime"],
            **told,
        }
        subscription = f"{self.topic.replace('/topics/', '/subscriptions/')}-push"
        return json.dumps({"message": message, "subscription": subscription, "deliveryAttempt": attempt}).encode()


class Pusher:
    """Delivers each message at least once to one endpoint; after the last attempt it is a dead letter."""

    def __init__(self, endpoint: str, retries: Retries) -> None:
        self.dead_letters: list[Message] = []
        self._endpoint = endpoint
        self._retries = retries
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="push")
        self._is_stopped = threading.Event()
        # The endpoint is on this machine: a proxy of the surroundings has no say.
        self._http = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def deliver(self, message: Message, attempt: int = 1) -> None:
        """Push the message soon, and again until it is acknowledged."""
        if not self._is_stopped.is_set():
            self._pool.submit(self._push, message, attempt)

    def stop(self) -> None:
        """Deliver no more."""
        self._is_stopped.set()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _push(self, message: Message, attempt: int) -> None:
        answer = self._post(message.envelope(attempt))
        if answer in ACKNOWLEDGED:
            log.info("message %s acknowledged with %s at attempt %d", message.message_id, answer, attempt)
        elif attempt >= self._retries.attempts:
            self.dead_letters.append(message)
            log.error("message %s is dead after %d attempts: %r", message.message_id, attempt, message.data)
        else:
            wait_s = self._retries.wait_s(attempt)
            log.warning("message %s got %s at attempt %d, again in %g s", message.message_id, answer, attempt, wait_s)
            timer = threading.Timer(wait_s, self.deliver, (message, attempt + 1))
            timer.daemon = True
            timer.start()

    def _post(self, body: bytes) -> int | str:
        """Return the status, or the words of what went wrong."""
        request = urllib.request.Request(self._endpoint, body, {"Content-Type": "application/json"})  # noqa: S310  # loopback
        try:
            with self._http.open(request, timeout=self._retries.ack_deadline_s) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError as error:
            return str(error)


class LocalBus:
    """
    Publisher and pusher on one loopback port; port 0 lets the system choose.

    A topic named in the push endpoint is the only one there is, so that a misspelt setting is found on the laptop;
    an endpoint without one takes every topic. Raises OSError when the port is taken.
    """

    def __init__(self, push: str, port: int = 0, retries: Retries | None = None) -> None:
        named = TOPIC.search(push)
        self._topics = {named[0]} if named else None
        self._ids = itertools.count(1)
        self._pusher = Pusher(push, retries or Retries())
        # Without SO_REUSEPORT a second bus on the same port is refused instead of taking half of the messages.
        options = [("grpc.so_reuseport", 0)]
        self._server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self._server.add_generic_rpc_handlers((self._handlers(),))
        try:
            self.port: int = self._server.add_insecure_port(f"{HOST}:{port}")
        except RuntimeError as error:
            raise OSError(f"the bus cannot listen on {HOST}:{port}: {error}") from error

    @property
    def address(self) -> str:
        """The value of PUBSUB_EMULATOR_HOST."""
        return f"{HOST}:{self.port}"

    @property
    def dead_letters(self) -> list[Message]:
        """Messages that nobody acknowledged."""
        return list(self._pusher.dead_letters)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.stop(grace=0).wait()
        self._pusher.stop()

    def _handlers(self) -> grpc.GenericRpcHandler:
        methods = {
            "CreateTopic": _method(self._create_topic, types.Topic),
            "GetTopic": _method(self._get_topic, types.GetTopicRequest),
            "Publish": _method(self._publish, types.PublishRequest),
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped

    def _create_topic(self, asked: types.Topic) -> types.Topic:
        if self._topics is not None:
            self._topics.add(asked.name)
        return asked

    def _get_topic(self, asked: types.GetTopicRequest) -> types.Topic:
        self._check(asked.topic)
        return types.Topic(name=asked.topic)

    def _publish(self, asked: types.PublishRequest) -> types.PublishResponse:
        self._check(asked.topic)
        messages = [
            Message(str(next(self._ids)), asked.topic, one.data, dict(one.attributes)) for one in asked.messages
        ]
        for message in messages:
            self._pusher.deliver(message)
        return types.PublishResponse(message_ids=[message.message_id for message in messages])

    def _check(self, topic: str) -> None:
        if self._topics is not None and topic not in self._topics:
            raise LookupError(f"there is no topic {topic!r}; there are {', '.join(sorted(self._topics))}")


def _method(answer: Callable[[Ask], proto.Message], request: type[Ask]) -> grpc.RpcMethodHandler:
    def serve(asked: Ask, context: grpc.ServicerContext) -> proto.Message:
        try:
            return answer(asked)
        except LookupError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))  # type: ignore[no-untyped-call]  # the library leaves it untyped
            raise

    return grpc.unary_unary_rpc_method_handler(  # type: ignore[no-untyped-call, no-any-return]  # the library leaves it untyped
        serve,
        request_deserializer=request.deserialize,
        response_serializer=lambda reply: type(reply).serialize(reply),
    )


def main() -> None:
    """Serve until SIGINT or SIGTERM; the first line on standard output is JSON and says where."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    parser = argparse.ArgumentParser(description="Stand in for Pub/Sub on this machine; messages live in memory.")
    parser.add_argument("--port", type=int, default=0, help="port of gRPC, 0 lets the system choose")
    parser.add_argument("--push", required=True, metavar="URL", help="where each message is posted")
    options = parser.parse_args()
    asked_to_stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked_to_stop.set())
    with LocalBus(options.push, options.port) as bus:
        print(json.dumps({"grpc": bus.address, "push": options.push, "messages": "in memory"}), flush=True)
        asked_to_stop.wait()


if __name__ == "__main__":
    main()
