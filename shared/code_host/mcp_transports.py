"""How an MCP server is reached, for the SDK's client: by streamable HTTP, or as a process; both with limits.

The SDK bounds one event of a stream, but neither a plain answer nor a line of a process, gives the process more of our
environment than it needs, and reports a refusal of the server without its status; so those are done here.
Source: https://modelcontextprotocol.io/specification/2025-06-18/basic/transports
"""

import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import anyio
import anyio.abc
import httpx2
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.message import SessionMessage
from mcp.types import jsonrpc_message_adapter

from shared.errors import IncidentCopilotError, Unavailable
from shared.http.status import error_from_status

MAX_BYTES = 16 * 1024 * 1024
"""The maximum size of one answer."""

Incoming = MemoryObjectReceiveStream[SessionMessage | Exception]
Outgoing = MemoryObjectSendStream[SessionMessage]
Streams = tuple[Incoming, Outgoing]


class Transport(Protocol):
    """Carries messages between the SDK's client and one server."""

    name: str
    """The server, as error messages call it."""
    refusal: IncidentCopilotError | None
    """Why the server did not take the last message, or None."""

    def connect(self) -> AbstractAsyncContextManager[Streams]:
        """Open the streams of messages. Raises Unavailable."""
        ...


class HttpTransport:
    """Streamable HTTP: each message is a POST to `url` with `headers`, answered with JSON or with an event stream."""

    def __init__(self, url: str, headers: Mapping[str, str], timeout_s: float) -> None:
        self.name = f"The MCP server at {url!r}"
        self.refusal: IncidentCopilotError | None = None
        self._url = url
        self._timeout_s = timeout_s
        # A compressed answer could be small on the wire and large in memory.
        self._headers = {**headers, "Accept-Encoding": "identity"}

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Streams]:
        """Open the streams; nothing is sent yet."""
        http = httpx2.AsyncClient(
            headers=self._headers,
            timeout=self._timeout_s,
            # A redirect would send the token elsewhere.
            max_redirects=0,
            event_hooks={"request": [_only_post], "response": [self._limit]},
        )
        async with (
            http,
            streamable_http_client(
                self._url, http_client=http, terminate_on_close=False, max_sse_event_size=MAX_BYTES
            ) as streams,
        ):
            yield streams  # type: ignore[misc]  # the SDK's protocols are these two classes

    async def _limit(self, reply: httpx2.Response) -> None:
        """Note a refusal, and bound what is read of the answer."""
        if reply.status_code >= 300:
            self.refusal = _refusal(self.name, reply)
        if reply.headers.get("Content-Encoding", "identity") != "identity":
            raise httpx2.DecodingError("the answer is compressed, unasked", request=reply.request)
        assert isinstance(reply.stream, httpx2.AsyncByteStream)
        reply.stream = _Limited(reply.stream)


class StdioTransport:
    """A server as a child process: one JSON message per line. The process ends with the connection."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = f"The MCP server {command[0]!r}"
        self.refusal: IncidentCopilotError | None = None
        self._command = command
        self._environment = dict(environment)

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Streams]:
        """Start the process, with no environment but its own. Raises Unavailable when it cannot be started."""
        try:
            process = await anyio.open_process(
                self._command, env=self._environment, stderr=subprocess.DEVNULL, start_new_session=True
            )
        except OSError as error:
            raise Unavailable(f"GITHUB_MCP_COMMAND could not start {self._command[0]!r}: {error.strerror}") from error
        received, incoming = anyio.create_memory_object_stream[SessionMessage | Exception]()
        # Room for a few: a process that reads nothing must not hold up the note that a request is given up.
        outgoing, to_send = anyio.create_memory_object_stream[SessionMessage](8)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_receive, process, received)
            tasks.start_soon(_send, process, to_send)
            try:
                with incoming, outgoing:
                    yield incoming, outgoing
            finally:
                process.kill()
                with anyio.CancelScope(shield=True):
                    await process.aclose()
                tasks.cancel_scope.cancel()


async def _receive(process: anyio.abc.Process, received: MemoryObjectSendStream[SessionMessage | Exception]) -> None:
    """Hand on each line of the process; what is no message, too long or cut off ends the connection."""
    assert process.stdout is not None
    lines = BufferedByteReceiveStream(process.stdout)
    with received:
        while True:
            try:
                message = jsonrpc_message_adapter.validate_json(await lines.receive_until(b"\n", MAX_BYTES))
                await received.send(SessionMessage(message))
            except (ValueError, anyio.DelimiterNotFound, anyio.IncompleteRead, anyio.BrokenResourceError):
                return


async def _send(process: anyio.abc.Process, to_send: MemoryObjectReceiveStream[SessionMessage]) -> None:
    assert process.stdin is not None
    with to_send:
        async for message in to_send:
            line = message.message.model_dump_json(by_alias=True, exclude_unset=True)
            try:
                await process.stdin.send(line.encode() + b"\n")
            except (OSError, anyio.BrokenResourceError):
                return


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for piece in self._stream:
            size += len(piece)
            if size > MAX_BYTES:
                raise httpx2.ReadError("the answer is too long")
            yield piece

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _only_post(request: httpx2.Request) -> None:
    """Do not open the stream of the server's own messages: nothing reads them, and a function pauses between calls."""
    if request.method != "POST":
        raise httpx2.UnsupportedProtocol("only answers are read", request=request)


def _refusal(server: str, reply: httpx2.Response) -> IncidentCopilotError:
    message = f"{server} answered {reply.status_code}"
    return error_from_status(reply.status_code, message, retry_after=reply.headers.get("Retry-After"))
