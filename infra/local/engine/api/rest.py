"""The REST server: HTTP on loopback, one thread per connection."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from infra.local.engine.api import routes
from infra.local.engine.api.errors import ApiError, InvalidArgument
from infra.local.engine.api.resources import Json
from infra.local.engine.api.service import WorkflowsService
from infra.local.engine.language.values import Value

_MAX_BODY_BYTES = 1024 * 1024


class RestServer(ThreadingHTTPServer):
    """Serves one WorkflowsService; `server_port` is the bound port."""

    daemon_threads = True
    # A burst of executions must not get connection refused.
    request_queue_size = 128

    def __init__(self, service: WorkflowsService, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)
        self.service = service


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: RestServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class uses this name
        """Write nothing: the history records what happened."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        try:
            handler, path = routes.find(self.command, unquote(parts.path))
            content = self._content()
            is_callback = handler is routes.receive_callback
            call = routes.RouteCall(
                path,
                dict(parse_qsl(parts.query)),
                {} if is_callback else _json_map(content),
                self._received(content, parts.query) if is_callback else {},
            )
            self._answer(200, handler(self.server.service, call))
        except ApiError as error:
            details = {"code": error.http_status, "message": str(error), "status": error.status}
            self._answer(error.http_status, {"error": details})

    do_GET = do_POST = do_PATCH = do_DELETE = do_PUT = do_HEAD = do_OPTIONS = _serve  # noqa: N815  # names required by http.server

    def _content(self) -> bytes:
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > _MAX_BODY_BYTES:
            self.close_connection = True
            raise InvalidArgument(f"a body has at most {_MAX_BODY_BYTES} bytes")
        return self.rfile.read(int(length))

    def _received(self, content: bytes, query: str) -> dict[str, Value]:
        headers: dict[str, Value] = dict(self.headers.items())
        arguments: dict[str, Value] = dict(parse_qsl(query))
        return {
            "method": self.command,
            "url": self.path,
            "headers": headers,
            "query": arguments,
            "body": _callback_body(content, self.headers.get_content_type()),
        }

    def _answer(self, status: int, answer: Json) -> None:
        content = json.dumps(answer).encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _json_map(content: bytes) -> dict[str, object]:
    if not content:
        return {}
    try:
        decoded = json.loads(content)
    except ValueError as error:
        raise InvalidArgument(f"the body is not JSON: {error}") from error
    if not isinstance(decoded, dict):
        raise InvalidArgument("the body must be a JSON object")
    return decoded


def _callback_body(content: bytes, media_type: str) -> Value:
    if not content:
        return None
    if media_type == "application/json":
        try:
            decoded: Value = json.loads(content)
        except ValueError as error:
            raise InvalidArgument(f"the body is not JSON: {error}") from error
        return decoded
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content
