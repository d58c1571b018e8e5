"""Limits on one HTTP answer: its size and its total time, which httpx2 limits only per chunk."""

import threading
import time
from collections.abc import Iterator

import httpx2

from shared.errors import BadAnswer, Uncertain

MAX_BYTES = 2_000_000
"""Far above what the token limit allows."""


class Bounds(threading.local):
    """Limits the answers of one client; `ends_at` is the deadline of a thread's current request (time.monotonic)."""

    def __init__(self) -> None:
        self.ends_at = float("inf")

    def guard(self, response: httpx2.Response) -> None:
        """Limit a response whose body was not read yet. Raises BadAnswer when its Content-Length is too large."""
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BYTES:
            raise _too_large()
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _LimitedStream(response.stream, self.ends_at)


class _LimitedStream(httpx2.SyncByteStream):
    """A body that raises an error when it is too large or takes too long."""

    def __init__(self, stream: httpx2.SyncByteStream, ends_at: float) -> None:
        self._stream = stream
        self._ends_at = ends_at

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > MAX_BYTES:
                raise _too_large()
            if time.monotonic() > self._ends_at:
                raise Uncertain("Gemini's answer did not end in time")
            yield chunk

    def close(self) -> None:
        """Close the body, complete or not."""
        self._stream.close()


def _too_large() -> BadAnswer:
    return BadAnswer(f"Gemini's answer is larger than {MAX_BYTES} bytes")
