"""A gRPC proxy before a Google emulator that counts what is billed: Firestore's documents, Pub/Sub's messages."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import TracebackType
from typing import Any, Self

import grpc
from google.cloud.firestore_v1.types import firestore as firestore_types
from google.pubsub_v1 import types as pubsub_types

from infra.local.stack.processes import HOST

FIRESTORE = "/google.firestore.v1.Firestore/"
STREAMING = {FIRESTORE + name for name in ("BatchGetDocuments", "RunQuery", "RunAggregationQuery")}
PUBLISH = "/google.pubsub.v1.Publisher/Publish"
THREADS = 64
TIMEOUT_S = 300.0
"""Of calls that have no deadline of their own."""
OPTIONS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_OWN = ("grpc-", "user-agent", "content-type", "te", ":")
"""Metadata that each connection makes for itself."""


class GrpcCounter(grpc.GenericRpcHandler):
    """
    Passes every call to `target`, host:port, which may be set once the emulator has started; enter it to listen.

    `counts` are firestore_reads, firestore_writes, firestore_deletes, pubsub_messages, pubsub_bytes, and
    firestore_commits_lost of those that a precondition refused, which are billed by nobody.
    """

    def __init__(self) -> None:
        self.target = ""
        self.counts: Counter[str] = Counter()
        self.documents: set[str] = set()
        """The names of the documents that exist: what a TTL policy deletes one day."""
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[self], options=OPTIONS)  # type: ignore[no-untyped-call]  # the library leaves it untyped
        self.address = f"{HOST}:{self._server.add_insecure_port(f'{HOST}:0')}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.stop(None).wait()
        if self._channel is not None:
            self._channel.close()  # type: ignore[no-untyped-call]  # as above

    def service(self, details: Any) -> Any:
        """Return how a call is handled: its bytes pass as they are."""
        handlers: Any = grpc
        if details.method in STREAMING:
            return handlers.unary_stream_rpc_method_handler(partial(self._stream, details.method))
        return handlers.unary_unary_rpc_method_handler(partial(self._unary, details.method))

    def _connected(self) -> Any:
        with self._lock:
            if self._channel is None:
                self._channel = grpc.insecure_channel(self.target, options=OPTIONS)  # type: ignore[no-untyped-call]  # as above
            return self._channel

    def _unary(self, method: str, request: bytes, context: Any) -> bytes:
        try:
            reply: bytes = self._connected().unary_unary(method)(request, **_options(context))
        except grpc.RpcError as error:
            self._add({"firestore_commits_lost": 1} if method == FIRESTORE + "Commit" else {})
            _fail(context, error)
        self._count(method, request, [reply])
        return reply

    def _stream(self, method: str, request: bytes, context: Any) -> Iterator[bytes]:
        replies: list[bytes] = []
        try:
            for reply in self._connected().unary_stream(method)(request, **_options(context)):
                replies.append(reply)
                yield reply
        except grpc.RpcError as error:
            _fail(context, error)
        finally:
            self._count(method, request, replies)

    def _count(self, method: str, request: bytes, replies: list[bytes]) -> None:
        if method == FIRESTORE + "Commit":
            self._count_writes(request)
        elif method in COUNTED:
            self._add(COUNTED[method](request, replies))

    def _count_writes(self, request: bytes) -> None:
        writes = list(firestore_types.CommitRequest.deserialize(request).writes)
        written = {write.update.name for write in writes if not write.delete}
        deleted = {write.delete for write in writes if write.delete}
        self._add({"firestore_writes": len(writes) - len(deleted), "firestore_deletes": len(deleted)})
        with self._lock:
            self.documents = (self.documents | written) - deleted

    def _add(self, counts: dict[str, int]) -> None:
        with self._lock:
            self.counts.update(counts)


def _documents_got(_: bytes, replies: list[bytes]) -> dict[str, int]:
    """Count each document asked for: one that does not exist is billed too."""
    parsed = [firestore_types.BatchGetDocumentsResponse.deserialize(reply) for reply in replies]
    return {"firestore_reads": sum(bool(reply.missing or "found" in reply) for reply in parsed)}


def _documents_queried(_: bytes, replies: list[bytes]) -> dict[str, int]:
    """Count each document of a query; one without results is billed as one."""
    parsed = [firestore_types.RunQueryResponse.deserialize(reply) for reply in replies]
    return {"firestore_reads": max(1, sum("document" in reply for reply in parsed))}


def _documents_listed(_: bytes, replies: list[bytes]) -> dict[str, int]:
    listed = sum(len(firestore_types.ListDocumentsResponse.deserialize(reply).documents) for reply in replies)
    return {"firestore_reads": max(1, listed)}


def _published(request: bytes, _: list[bytes]) -> dict[str, int]:
    """Count bytes as Pub/Sub bills them, at least 1,000 of each request: the data and the attributes."""
    messages = list(pubsub_types.PublishRequest.deserialize(request).messages)
    size = sum(len(each.data) + sum(len(k) + len(v) for k, v in each.attributes.items()) for each in messages)
    return {"pubsub_messages": len(messages), "pubsub_bytes": max(1_000, size)}


COUNTED: dict[str, Callable[[bytes, list[bytes]], dict[str, int]]] = {
    FIRESTORE + "BatchGetDocuments": _documents_got,
    FIRESTORE + "RunQuery": _documents_queried,
    FIRESTORE + "ListDocuments": _documents_listed,
    PUBLISH: _published,
}


def _options(context: Any) -> dict[str, Any]:
    metadata = [(key, value) for key, value in context.invocation_metadata() if not key.startswith(_OWN)]
    remaining = context.time_remaining()
    return {"metadata": metadata, "timeout": min(remaining or TIMEOUT_S, TIMEOUT_S)}


def _fail(context: Any, error: Any) -> None:
    """Give the caller the error of the emulator, with its details."""
    context.set_trailing_metadata(tuple(error.trailing_metadata() or ()))
    context.abort(error.code(), error.details() or "")
