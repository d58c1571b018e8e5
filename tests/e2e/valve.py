"""A TCP relay between two processes that a test can hold shut in either direction."""

import contextlib
import selectors
import socket
from threading import Thread
from types import TracebackType
from typing import Literal, Self

Way = Literal["requests", "answers"]


class Valve:
    """
    Forwards connections to `target`, host:port; bytes going a way in `held` wait for `release`, or are lost by `drop`.
    """

    def __init__(self) -> None:
        self.target = ""
        self.held: set[Way] = set()
        self._drops = 0
        self._waiting: dict[Way, bytes] = {"requests": b"", "answers": b""}
        self._server = socket.create_server(("127.0.0.1", 0))
        self._threads = [Thread(target=self._accept)]

    @property
    def address(self) -> str:
        """Where to connect, host:port."""
        return f"127.0.0.1:{self._server.getsockname()[1]}"

    def hold(self, way: Way) -> None:
        """Let nothing pass this way."""
        self.held.add(way)

    def is_holding(self, way: Way, text: str) -> bool:
        """Say whether these words wait; HTTP/2 leaves bodies as they are."""
        return text.encode() in self._waiting[way]

    def drop(self) -> None:
        """Lose what is held, as a network does whose sender has died; call it before `release`."""
        self._drops += 1

    def release(self) -> None:
        """Let everything pass."""
        self.held.clear()

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                host, port = self.target.split(":")
                upstream = socket.create_connection((host, int(port)), timeout=5)
                for source, sink, way in ((client, upstream, "requests"), (upstream, client, "answers")):
                    self._threads.append(Thread(target=self._pump, args=(source, sink, way)))
                    self._threads[-1].start()

    def _pump(self, source: socket.socket, sink: socket.socket, way: Way) -> None:
        waiting, drops = b"", self._drops
        # select() itself knows no descriptor above 1,023.
        with contextlib.suppress(OSError), source, selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            while True:
                if selector.select(0.02):
                    received = source.recv(65_536)
                    if not received:
                        break
                    waiting += received
                # Read before the drops: whoever drops does so before the release, so that nothing dropped is sent.
                is_held = way in self.held
                if drops != self._drops:
                    waiting, drops = b"", self._drops
                if is_held:
                    self._waiting[way] = waiting
                elif waiting:
                    sink.sendall(waiting)
                    waiting = b""
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
