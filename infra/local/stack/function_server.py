"""
Serve one function as Cloud Run does: a request over the function's timeout is answered with 504.

As there, the code of such a request runs on: what it does later is late, not undone. Run as a file, not as a module, so
that the function finds nothing but its own bundle.
Source: https://cloud.google.com/run/docs/configuring/request-timeout
"""

import argparse
import io
import queue
import threading
from collections.abc import Callable, Iterable
from typing import Any

from functions_framework import create_app
from functions_framework._http import create_server

Environment = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environment, StartResponse], Iterable[bytes]]
PLAIN = [("Content-Type", "text/plain")]
Reply = tuple[str, list[tuple[str, str]], bytes]


class TimeLimit:
    """A WSGI application that answers 504 once `app` has taken `timeout_s` seconds for a request."""

    def __init__(self, app: App, timeout_s: float) -> None:
        self._app = app
        self._timeout_s = timeout_s

    def __call__(self, environ: Environment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        replies: queue.Queue[Reply] = queue.Queue(1)
        # Read here: the connection is gone when the request goes on after its time.
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        own = {**environ, "wsgi.input": io.BytesIO(body)}
        threading.Thread(target=self._run, args=(own, replies), daemon=True).start()
        try:
            status, headers, content = replies.get(timeout=self._timeout_s)
        except queue.Empty:
            status, headers, content = (
                "504 Gateway Timeout",
                PLAIN,
                b"upstream request timeout",
            )
        start_response(status, headers)
        return [content]

    def _run(self, environ: Environment, replies: "queue.Queue[Reply]") -> None:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            started.append((status, headers))

        try:
            content = b"".join(self._app(environ, start_response))
            replies.put((*started[-1], content))
        except BaseException:
            replies.put(("500 Internal Server Error", PLAIN, b"The function failed"))
            raise


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description="One function on loopback, with its timeout")
    for name in ("--source", "--target", "--signature-type", "--host"):
        parser.add_argument(name, required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--timeout-s", type=float, required=True)
    chosen = parser.parse_args()
    app = create_app(chosen.target, chosen.source, chosen.signature_type)  # type: ignore[no-untyped-call]  # the library has no types
    app.wsgi_app = TimeLimit(app.wsgi_app, chosen.timeout_s)
    create_server(app, False).run(chosen.host, chosen.port)  # type: ignore[no-untyped-call]  # nor its server


if __name__ == "__main__":
    main()
