"""A mail server on loopback that says what a test wants: real sockets, real TLS, no mail beyond this machine."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class MailServer:
    """
    What arrived, and what to answer: `replies` by the first word of a command, or "content" for the mail itself.

    A reply of None closes the connection without one; a number waits that many seconds first, and then closes it.
    """

    replies: dict[str, list[str | float | None]] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    port: int = 0
    extensions: tuple[str, ...] = ("AUTH PLAIN",)
    context: ssl.SSLContext | None = None
    is_tls_from_start: bool = False

    def count(self, verb: str) -> int:
        """Return how often a command was sent."""
        return sum(command.upper().startswith(verb) for command in self.commands)


_USUAL = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go on", "AUTH": "235 ok", "NOOP": "250 ok", "RSET": "250 ok"}


@contextmanager
def running(server: MailServer) -> Iterator[MailServer]:
    """Serve one connection after another until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    server.port = listener.getsockname()[1]
    is_over = threading.Event()
    thread = threading.Thread(target=_serve, args=(server, listener, is_over), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        is_over.set()
        thread.join()
        listener.close()


def _serve(server: MailServer, listener: socket.socket, is_over: threading.Event) -> None:
    while not is_over.is_set():
        with suppress(TimeoutError):
            connection, _ = listener.accept()
            connection.settimeout(5)
            session = _Session(server, connection, is_over)
            with suppress(OSError, _Closed):
                session.run()
            session.close()


class _Closed(Exception):
    """The conversation is over."""


class _Session:
    def __init__(self, server: MailServer, connection: socket.socket, is_over: threading.Event) -> None:
        self._server = server
        self._connection = connection
        self._is_over = is_over
        self._buffer = b""

    def close(self) -> None:
        self._connection.close()

    def run(self) -> None:
        if self._server.is_tls_from_start:
            self._encrypt()
        self._answer("greeting", "220 mail.example.com ESMTP")
        while True:
            line = self._until(b"\r\n").decode()
            self._server.commands.append(line)
            self._command(line.split(" ")[0].upper())

    def _command(self, verb: str) -> None:
        if verb == "EHLO":
            lines = ["mail.example.com", *self._server.extensions]
            if self._server.context is not None and not isinstance(self._connection, ssl.SSLSocket):
                lines.append("STARTTLS")
            parts = [f"250{'-' if line is not lines[-1] else ' '}{line}" for line in lines]
            self._answer("EHLO", "\r\n".join(parts))
        elif verb == "STARTTLS" and self._server.context is not None:
            self._answer("STARTTLS", "220 go on")
            self._encrypt()
        elif self._answer(verb, _USUAL.get(verb, "500 unknown")).startswith("354"):
            content = self._until(b"\r\n.\r\n")
            self._server.mails.append(content)
            self._answer("content", "250 queued as 1")

    def _encrypt(self) -> None:
        assert self._server.context is not None, "TLS needs a certificate"
        self._connection = self._server.context.wrap_socket(self._connection, server_side=True)

    def _answer(self, what: str, usual: str) -> str:
        planned = self._server.replies.get(what)
        reply = planned.pop(0) if planned else usual
        if isinstance(reply, float | int):
            self._is_over.wait(reply)
        if not isinstance(reply, str):
            raise _Closed
        self._connection.sendall(f"{reply}\r\n".encode())
        return reply

    def _until(self, mark: bytes) -> bytes:
        deadline = time.monotonic() + 5
        while mark not in self._buffer:
            part = self._connection.recv(65_536)
            if not part or time.monotonic() > deadline:
                raise _Closed
            self._buffer += part
        content, _, self._buffer = self._buffer.partition(mark)
        return content
