"""A small client of the Model Context Protocol: the handshake, the list of tools, and calls of the allowed ones.

Over streamable HTTP (`HttpTransport`) or a process's stdin and stdout (`StdioTransport`).
Source: https://modelcontextprotocol.io/specification/2025-06-18/basic
"""

import itertools
import json
import selectors
import subprocess
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import requests

from shared.errors import BadAnswer, IncidentCopilotError, Refused, Throttled, Unavailable

PROTOCOL = "2025-06-18"
MAX_BYTES = 16 * 1024 * 1024
"""The maximum size of one answer."""
MAX_PAGES = 10

Json = dict[str, Any]


@dataclass(frozen=True)
class Content:
    """What a tool answered: its texts, and the text of its embedded resource, or None without one."""

    texts: tuple[str, ...]
    resource: str | None = None

    def data(self) -> Any:
        """Return the answer as JSON. Raises BadAnswer."""
        try:
            return json.loads(self.texts[0])
        except (IndexError, ValueError):
            raise BadAnswer("the MCP tool did not answer with JSON") from None


class Transport(Protocol):
    """Carries JSON-RPC messages; `ends_at` is a time of the monotonic clock, in seconds."""

    def exchange(self, message: Json, ends_at: float) -> Json | None:
        """Return the response to a request, or None for a notification. Raises Unavailable, Throttled, Refused."""
        ...


class McpClient:
    """One session with one server; only tools named in `allowed` can be called, whatever the server offers."""

    def __init__(self, transport: Transport, allowed: Sequence[str], timeout_s: float) -> None:
        self._transport = transport
        self._allowed = frozenset(allowed)
        self._timeout_s = timeout_s
        self._ids = itertools.count(1)

    @cached_property
    def tools(self) -> Mapping[str, frozenset[str]]:
        """Do the handshake; return the allowed tools that the server offers, with the names of their arguments."""
        client = {
            "protocolVersion": PROTOCOL,
            "capabilities": {},
            "clientInfo": {"name": "incident-copilot", "version": "1"},
        }
        self._request("initialize", client)
        self._transport.exchange({"jsonrpc": "2.0", "method": "notifications/initialized"}, self._deadline())
        listed = {str(tool.get("name")): _arguments(tool) for tool in self._listed()}
        return {name: arguments for name, arguments in listed.items() if name in self._allowed}

    def call(self, name: str, **arguments: object) -> Content:
        """
        Return a tool's answer; arguments that it does not accept, and those that are None, are left out.

        Raises Refused (a tool that is not allowed or not offered, or that failed), BadAnswer, Unavailable, Throttled.
        """
        if name not in self._allowed or name not in self.tools:
            raise Refused(f"The MCP tool {name!r} is not allowed, or the server does not offer it")
        accepted = {key: value for key, value in arguments.items() if value is not None and key in self.tools[name]}
        result = self._request("tools/call", {"name": name, "arguments": accepted})
        content = _content(result)
        if result.get("isError"):
            raise Refused(f"The MCP tool {name!r} failed: {' '.join(content.texts)[:300]}")
        return content

    def _listed(self) -> Iterator[Json]:
        cursor: object = None
        for _ in range(MAX_PAGES):
            page = self._request("tools/list", {"cursor": cursor} if cursor else {})
            yield from (tool for tool in page.get("tools") or () if isinstance(tool, dict))
            cursor = page.get("nextCursor")
            if not cursor:
                return

    def _request(self, method: str, params: Json) -> Json:
        request = {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
        response = self._transport.exchange(request, self._deadline())
        if response is None or not isinstance(response.get("result"), dict):
            error = (response or {}).get("error")
            reason = error.get("message") if isinstance(error, dict) else "no result"
            raise Refused(f"The MCP server refused {method}: {str(reason)[:300]}")
        return dict(response["result"])

    def _deadline(self) -> float:
        return time.monotonic() + self._timeout_s


class HttpTransport:
    """Streamable HTTP: each message is a POST, answered with JSON or with an event stream."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._session = requests.Session()
        accept = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": PROTOCOL}
        self._session.headers.update({**headers, **accept})

    def exchange(self, message: Json, ends_at: float) -> Json | None:
        """Return the response, or None for a notification. Raises Unavailable, Throttled, Refused, BadAnswer."""
        left_s = max(ends_at - time.monotonic(), 0.1)
        try:
            # A redirect would send the token elsewhere.
            with self._session.post(
                self._url, json=message, timeout=left_s, stream=True, allow_redirects=False
            ) as reply:
                return self._read(reply, message.get("id"), ends_at)
        except requests.RequestException as error:
            raise Unavailable(f"The MCP server at {self._url!r} did not answer: {type(error).__name__}") from error

    def _read(self, reply: requests.Response, id_: object, ends_at: float) -> Json | None:
        if reply.status_code >= 300:
            raise _refusal(self._url, reply)
        if session_id := reply.headers.get("Mcp-Session-Id"):
            self._session.headers["Mcp-Session-Id"] = session_id
        if id_ is None:
            return None
        lines = _lines(reply.iter_content(65536), ends_at)
        if reply.headers.get("Content-Type", "").startswith("text/event-stream"):
            return _response(_events(lines), id_)
        return _response([b"".join(lines)], id_)


class StdioTransport:
    """A server as a child process: one JSON message per line. It ends with this object, or with our process."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._command = command
        try:
            self._process = subprocess.Popen(
                command, env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise Unavailable(f"GITHUB_MCP_COMMAND could not start {command[0]!r}: {error.strerror}") from error
        self._end = weakref.finalize(self, _end, self._process)
        self._buffer = b""

    def exchange(self, message: Json, ends_at: float) -> Json | None:
        """Return the response to a request, or None for a notification. Raises Unavailable, BadAnswer."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise Unavailable(f"The MCP server {self._command[0]!r} has ended") from error
        return _response(self._output_lines(ends_at), message["id"]) if "id" in message else None

    def _output_lines(self, ends_at: float) -> Iterator[bytes]:
        """Yield lines as they arrive, until the deadline."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while True:
                line, newline, rest = self._buffer.partition(b"\n")
                if newline:
                    self._buffer = rest
                    yield line
                    continue
                if not ready.select(max(ends_at - time.monotonic(), 0)):
                    raise Unavailable(f"The MCP server {self._command[0]!r} did not answer in time")
                self._buffer += self._piece()

    def _piece(self) -> bytes:
        assert self._process.stdout is not None
        piece = self._process.stdout.read1(65536)  # type: ignore[attr-defined]  # a BufferedReader, as Popen gives
        if not piece or len(self._buffer) > MAX_BYTES:
            raise Unavailable(f"The MCP server {self._command[0]!r} ended, or its answer is too long")
        return bytes(piece)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
    process.wait(5)


def _response(messages: "Sequence[bytes] | Iterator[bytes]", id_: object) -> Json:
    """Return the response to request `id_` among messages; the server's own messages are skipped."""
    for message in messages:
        try:
            content = json.loads(message) if message.strip() else None
        except ValueError:
            raise BadAnswer("the MCP server did not answer with JSON") from None
        if isinstance(content, dict) and content.get("id") == id_ and "method" not in content:
            return content
    raise BadAnswer("the MCP server ended its answer without a response")


def _lines(pieces: Iterator[bytes], ends_at: float) -> Iterator[bytes]:
    """Yield lines with their ends, within the time and size limits of one answer."""
    buffer, size = b"", 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_BYTES or time.monotonic() > ends_at:
            raise Unavailable("The MCP server's answer is too long or too slow")
        *whole, buffer = (buffer + piece).split(b"\n")
        yield from (line + b"\n" for line in whole)
    yield buffer


def _events(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the data of each event of a stream."""
    data: list[bytes] = []
    for line in lines:
        if line.startswith(b"data:"):
            data.append(line[5:].strip())
        elif not line.strip() and data:
            yield b"\n".join(data)
            data = []
    if data:
        yield b"\n".join(data)


def _refusal(url: str, reply: requests.Response) -> IncidentCopilotError:
    message = f"The MCP server at {url!r} answered {reply.status_code}"
    if reply.status_code == 429:
        wait = reply.headers.get("Retry-After", "")
        return Throttled(message, float(wait) if wait.isdigit() else None)
    return Unavailable(message) if reply.status_code >= 500 else Refused(message)


def _arguments(tool: Json) -> frozenset[str]:
    schema = tool.get("inputSchema")
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return frozenset(properties) if isinstance(properties, dict) else frozenset()


def _content(result: Json) -> Content:
    items = [item for item in result.get("content") or () if isinstance(item, dict)]
    resources = [item.get("resource") for item in items if isinstance(item.get("resource"), dict)]
    texts = tuple(item["text"] for item in items if isinstance(item.get("text"), str))
    resource = next((each.get("text") for each in resources if each and isinstance(each.get("text"), str)), None)
    return Content(texts, resource)
