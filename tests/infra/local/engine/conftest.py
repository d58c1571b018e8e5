"""Run a workflow in one call, evaluate one expression, and serve scripted HTTP replies."""

import json
import textwrap
import threading
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.local.engine import WorkflowError, load, run

Run = Callable[..., Any]


@pytest.fixture
def run_workflow() -> Run:
    """Run an indented source and return its result; sleeps take no time."""

    def run_text(source: str, argument: object = None, **options: Any) -> Any:
        return run(load(textwrap.dedent(source)), argument, **{"time_scale": 0, **options})

    return run_text


@pytest.fixture
def evaluate() -> Run:
    """Return the value of one expression that uses variables."""

    def value(expression: str, **variables: object) -> Any:
        assignments = [{name: content} for name, content in variables.items()]
        steps: list[object] = [{"init": {"assign": assignments}}] if assignments else []
        source = json.dumps([*steps, {"result": {"return": f"${{{expression}}}"}}])
        return run(load(source))

    return value


@pytest.fixture
def tag_of(evaluate: Run) -> Callable[..., str]:
    """Return the first tag of the error an expression raises."""

    def tag(expression: str, **variables: object) -> str:
        with pytest.raises(WorkflowError) as raised:
            evaluate(expression, **variables)
        assert isinstance(raised.value.value, dict)
        return str(raised.value.value["tags"][0])

    return tag


class Upstream:
    """A server on loopback: sends `replies` in order (status, headers, content), then 200 and an echo."""

    def __init__(self) -> None:
        self.replies: deque[tuple[int, dict[str, str], bytes]] = deque()
        self.requests: list[dict[str, Any]] = []
        self.hold = threading.Event()
        self.hold.set()
        self.url = ""

    def reply(self, status: int, body: object = None, **headers: str) -> None:
        """Queue a JSON reply; header names use underscores for dashes."""
        named = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        self.replies.append((status, named, json.dumps(body).encode()))

    def reply_raw(self, status: int, content: bytes, content_type: str) -> None:
        """Queue a reply of any content type."""
        self.replies.append((status, {"Content-Type": content_type}, content))


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """Serve on loopback for one test."""
    state = Upstream()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    state.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


def _handler(state: Upstream) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            return

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = {"method": self.command, "path": self.path, "headers": dict(self.headers), "content": content}
            state.requests.append(request)
            state.hold.wait(10)
            echo = json.dumps({"content": content.decode("latin-1")}).encode()
            status, headers, body = state.replies.popleft() if state.replies else (200, {}, echo)
            self.send_response(status)
            for key, value in ({"Content-Type": "application/json"} | headers).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer  # noqa: N815

    return Handler
