"""The common base of the sandboxes: a small HTTP server on loopback that records the requests it receives.

A sandbox overrides `answer`. Faults are queued with `fail_next`, so that a test can make the next answers wrong,
truncated or slow, without any code in the sandbox for it.
"""

import json
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from email.message import Message
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

SERVER = "IncidentCopilotSandbox"
"""How every answer names its server, so that nobody takes a sandbox for the real system."""


@dataclass(frozen=True)
class Request:
    """One request as it arrived; `path` is decoded, `raw_path` is not; `headers` ignore case."""

    method: str
    raw_path: str
    headers: Message
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The path without its query, percent-decoded."""
        return unquote(urlsplit(self.raw_path).path)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the URL, blank ones included."""
        return parse_qs(urlsplit(self.raw_path).query, keep_blank_values=True)

    @cached_property
    def form(self) -> dict[str, list[str]]:
        """The parameters of a url-encoded body; empty for any other body."""
        if self.headers.get_content_type() != "application/x-www-form-urlencoded":
            return {}
        return parse_qs(self.body.decode(), keep_blank_values=True)

    def param(self, name: str, default: str = "") -> str:
        """Return the first value of a parameter of the URL or of the form."""
        return (self.query.get(name) or self.form.get(name) or [default])[0]

    def json(self) -> Any:
        """
        Return the body read as JSON.

        Raises ValueError when it is not JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """One answer; `delay_s` delays it, `is_truncated` sends half of the body and closes the connection."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    is_truncated: bool = False

    @classmethod
    def of_json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return an answer whose body is `value` written as JSON."""
        body = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})

    @classmethod
    def of_text(cls, text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Self:
        """Return an answer in plain text."""
        return cls(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})

    def held(self, delay_s: float) -> Self:
        """Return the same answer, delayed by `delay_s` seconds."""
        return replace(self, delay_s=delay_s)


class Sandbox:
    """
    A server on 127.0.0.1; with port 0 the system chooses. Use it as a context manager, or call start() and stop().

    `url` is valid after the start. `requests` is a copy of the requests so far, those answered by a fault included.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._requests: list[Request] = []
        self._faults: deque[Reply] = deque()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def answer(self, request: Request) -> Reply:
        """Answer one request; called by many threads at once."""
        return Reply.of_text(f"no such page: {request.method} {request.path}", 404)

    @property
    def url(self) -> str:
        """The base URL, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on; before the start, the port of the constructor."""
        return self._server.server_address[1] if self._server else self._port

    @property
    def requests(self) -> list[Request]:
        """The requests received so far, in order."""
        with self._lock:
            return list(self._requests)

    def fail_next(self, *replies: Reply) -> None:
        """Answer the next requests with these replies instead of the normal ones."""
        with self._lock:
            self._faults.extend(replies)

    def start(self) -> Self:
        """
        Listen and answer from a background thread.

        Raises OSError when the port is taken.
        """
        self._stopping.clear()
        self._server = _Server(self, self._port)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening; answers still delayed are dropped. Stopping twice does nothing."""
        self._stopping.set()
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._server = self._thread = None

    def serve_until_interrupted(self) -> None:
        """Start, print the URL, and answer until Ctrl-C or SIGTERM ends the process."""
        with self:
            print(f"{type(self).__name__} listens on {self.url}", flush=True)
            try:
                self._stopping.wait()
            except KeyboardInterrupt:
                print(f"{type(self).__name__} stopped", flush=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def reply_to(self, request: Request) -> Reply:
        """Record the request and return its answer: a queued fault if there is one, else the normal answer."""
        with self._lock:
            self._requests.append(request)
            fault = self._faults.popleft() if self._faults else None
        reply = fault or self.answer(request)
        if reply.delay_s:
            self._stopping.wait(reply.delay_s)
        return reply


class _Server(ThreadingHTTPServer):
    """Gives the handlers access to the sandbox."""

    daemon_threads = True
    # Connections that a client keeps alive would otherwise delay the end of the server.
    block_on_close = False
    # A burst of clients must not be refused: the default backlog is 5.
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox, port: int) -> None:
        self.sandbox = sandbox
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that close the connection; print every other error as the standard library does."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # the stub wants a socket


class _Handler(BaseHTTPRequestHandler):
    """Converts HTTP to Request and Reply; every method is handled in the same way."""

    protocol_version = "HTTP/1.1"
    server_version = SERVER
    disable_nagle_algorithm: ClassVar[bool] = True
    server: _Server

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        self._send(self.server.sandbox.reply_to(request))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815  # names the base class looks up

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.is_truncated else reply.body)
        self.close_connection = self.close_connection or reply.is_truncated

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class's name
        """Log nothing: `requests` holds the details."""
