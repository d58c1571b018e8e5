"""Bounds on one HTTP answer: its size, and the time all of it may take, which httpx2 only bounds piece by piece."""

import time
from collections.abc import Iterator

import httpx2

from shared.errors import BadAnswer, Uncertain

MAX_BYTES = 2_000_000
"""Far above what the bound on tokens allows."""


class Bounds:
    """Guards the answers of one client; `ends_at` is the deadline of the request under way (time.monotonic)."""

    def __init__(self) -> None:
        self.ends_at = float("inf")

    def guard(self, response: httpx2.Response) -> None:
        """Hook for a response whose body was not read yet. Raises BadAnswer when it says it is too large."""
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > MAX_BYTES:
            raise _too_large()
        if isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Guarded(response.stream, self.ends_at)


class _Guarded(httpx2.SyncByteStream):
    """A body that ends in an error when it grows too large or takes too long."""

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
        """Close the body, whole or not."""
        self._stream.close()


def _too_large() -> BadAnswer:
    return BadAnswer(f"Gemini's answer is larger than {MAX_BYTES} bytes")
