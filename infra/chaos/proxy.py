"""A reverse proxy between two processes that answers, delays, cuts or loses requests as a fault says."""

import contextlib
import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from infra.local.stack.processes import HOST
from shared.step import waking

UPSTREAM_TIMEOUT_S = 120.0
SLOW_S = 1.0
UNTIL_KILLED_S = 0.05
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass
class Fault:
    """
    What happens to requests through one proxy.

    kinds: a status; garbage, empty, half (the request is handled, its reply is not as it was); reset (nothing is
    handled); lost_reply (handled, no reply); slow; hang (never answered); late (handled once the fault ends); killed
    (the service dies over the request); refused (nothing listens). `times` None: all requests until the fault ends.
    """

    where: str
    kind: str
    times: int | None = None
    method: str = ""
    path: str = ""
    hits: int = 0

    def __str__(self) -> str:
        """Return its name, as `github POST:503:once`."""
        scope = " ".join(part for part in (self.where, self.method, self.path) if part)
        return f"{scope}:{self.kind}:{'until it ends' if self.times is None else 'once'}"

    def takes(self, method: str, path: str) -> bool:
        """Return whether it strikes this request, and count that."""
        is_meant = (not self.method or method == self.method) and path.startswith(self.path)
        if not is_meant or (self.times is not None and self.hits >= self.times):
            return False
        self.hits += 1
        return True


class FaultProxy:
    """Forwards HTTP to `target`, the root URL of a service; `kill` kills and restarts the service behind it."""

    def __init__(self, name: str, target: str, kill: Callable[[str], None]) -> None:
        self.name = name
        self._target = urlsplit(target)
        self._kill = kill
        self._faults: list[Fault] = []
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._server = self._listen(0)

    @property
    def url(self) -> str:
        """Its root URL, for the callers of the service."""
        return f"http://{HOST}:{self.port}"

    def plant(self, fault: Fault) -> None:
        """Let a fault strike from now on."""
        with self._lock:
            self._is_over = threading.Event()
            self._faults.append(fault)
        if fault.kind == "refused":
            self._close()

    def clear(self) -> None:
        """End every fault; requests that hang are dropped, late ones are handled now."""
        with self._lock:
            was_closed = any(fault.kind == "refused" for fault in self._faults)
            self._faults = []
            self._is_over.set()
        if was_closed:
            self._server = self._listen(self.port)

    def stop(self) -> None:
        """Stop listening."""
        self.clear()
        self._close()

    def _listen(self, port: int) -> ThreadingHTTPServer:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    proxy.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any  # noqa: N815  # names of the library

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        server = ThreadingHTTPServer((HOST, port), Handler)
        server.daemon_threads = True
        self.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def _close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _fault_of(self, method: str, path: str) -> Fault | None:
        if path == waking.PATH:
            # Nothing rests on it: a fault that it took would not be met by what does.
            return None
        with self._lock:
            return next((fault for fault in self._faults if fault.takes(method, path)), None)

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Answer one request, as it is or as the fault that strikes it says."""
        body = call.rfile.read(int(call.headers.get("Content-Length") or 0))
        fault, is_over = self._fault_of(call.command, call.path), self._is_over
        kind = fault.kind if fault else ""
        if kind.isdigit():
            _reply(call, int(kind), [("Content-Type", "application/json")], b'{"error": "planted"}')
        elif kind == "reset":
            _reset(call)
        elif kind == "hang":
            is_over.wait()
            _reset(call)
        elif kind == "killed":
            threading.Thread(target=self._forward, args=(call, body), daemon=True).start()
            time.sleep(UNTIL_KILLED_S)
            self._kill(self.name)
            _reset(call)
        else:
            if kind == "slow":
                time.sleep(SLOW_S)
            if kind == "late":
                is_over.wait()
            self._pass_on(call, body, kind)

    def _pass_on(self, call: BaseHTTPRequestHandler, body: bytes, kind: str) -> None:
        reply = self._forward(call, body)
        if reply is None or kind == "lost_reply":
            _reset(call)
            return
        status, headers, content = reply
        if kind in ("garbage", "empty"):
            _reply(call, 200, headers, b"<html>planted</html>" if kind == "garbage" else b"")
        elif kind == "half":
            _reply(call, status, headers, content[: len(content) // 2], announced=len(content))
        else:
            _reply(call, status, headers, content)

    def _forward(self, call: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
        headers = {name: value for name, value in call.headers.items() if name.lower() not in _HOP}
        host, port = self._target.hostname or HOST, self._target.port or 80
        connection = http.client.HTTPConnection(host, port, timeout=UPSTREAM_TIMEOUT_S)
        try:
            connection.request(call.command, call.path, body or None, headers)
            reply = connection.getresponse()
            content = reply.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return reply.status, [pair for pair in reply.getheaders() if pair[0].lower() not in _HOP], content


def _reply(
    call: BaseHTTPRequestHandler,
    status: int,
    headers: list[tuple[str, str]],
    content: bytes,
    announced: int | None = None,
) -> None:
    call.send_response(status)
    for name, value in headers:
        call.send_header(name, value)
    call.send_header("Content-Length", str(len(content) if announced is None else announced))
    call.send_header("Connection", "close")
    call.end_headers()
    if call.command != "HEAD":
        call.wfile.write(content)


def _reset(call: BaseHTTPRequestHandler) -> None:
    """Close the connection so that the caller sees a reset and not an empty answer."""
    with contextlib.suppress(OSError):
        call.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        call.connection.close()
