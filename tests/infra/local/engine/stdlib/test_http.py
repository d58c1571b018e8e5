"""The requests a workflow sends, and how it reads responses."""

import base64
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import WorkflowError

Run = Callable[..., Any]


@pytest.fixture
def call(run_workflow: Run, upstream: Any) -> Callable[..., Any]:
    """Call the upstream and return the response; keyword arguments override or extend `url`."""

    def send(function: str = "http.get", **arguments: object) -> Any:
        args = {"url": upstream.url, **arguments}
        steps = [{"c": {"call": function, "args": args, "result": "r"}}, {"r": {"return": "${r}"}}]
        return run_workflow(json.dumps(steps))

    return send


def error_of(call: Callable[..., Any], **arguments: object) -> dict[str, Any]:
    """Return the error map a call raises."""
    with pytest.raises(WorkflowError) as raised:
        call(**arguments)
    assert isinstance(raised.value.value, dict)
    return raised.value.value


def test_json_response_is_a_value(call: Callable[..., Any], upstream: Any) -> None:
    """It has body, code and headers with normalized names."""
    upstream.reply(201, {"a": [1, 2.5]}, x_probe="yes")

    answer = call()

    assert (answer["code"], answer["body"]) == (201, {"a": [1, 2.5]})
    assert (answer["headers"]["X-Probe"], answer["headers"]["Content-Type"]) == ("yes", "application/json")


@pytest.mark.parametrize(
    ("content", "content_type", "body"),
    [
        (b"plain", "text/plain", "plain"),
        ("é".encode("latin-1"), "text/plain; charset=iso-8859-1", "é"),
        (b"<a/>", "text/html", "<a/>"),
        (b'{"a": 1}', "application/problem+json; charset=utf-8", {"a": 1}),
        (b"not json", "application/json", "not json"),
        (b"", "application/json", None),
    ],
)
def test_body_is_decoded_by_its_content_type(
    call: Callable[..., Any], upstream: Any, content: bytes, content_type: str, body: object
) -> None:
    """JSON becomes a value, text a string, an empty body null."""
    upstream.reply_raw(200, content, content_type)

    assert call()["body"] == body


def test_other_bodies_stay_bytes(run_workflow: Run, upstream: Any) -> None:
    """They can be encoded but not returned."""
    upstream.reply_raw(200, b"\x00\xff", "application/octet-stream")
    source = """
        main:
          params: [url]
          steps:
            - c: {call: http.get, args: {url: "${url}"}, result: r}
            - r: {return: "${base64.encode(r.body)}"}
        """
    assert run_workflow(source, upstream.url) == "AP8="


def test_body_is_sent_as_json(call: Callable[..., Any], upstream: Any) -> None:
    """Strings too, unless the workflow sets another content type."""
    call("http.post", body={"a": [1, "é"]})
    call("http.post", body="text")

    first, second = upstream.requests
    assert (first["method"], json.loads(first["content"])) == ("POST", {"a": [1, "é"]})
    assert first["headers"]["Content-Type"] == "application/json; charset=utf-8"
    assert second["content"] == b'"text"'


def test_explicit_content_type_decides_the_encoding(call: Callable[..., Any], upstream: Any) -> None:
    """Forms are URL-encoded, text is sent unchanged."""
    call("http.put", body={"a": "b c", "d": 1}, headers={"content-type": "application/x-www-form-urlencoded"})
    call("http.patch", body="a,b", headers={"Content-Type": "text/csv"})

    assert [request["content"] for request in upstream.requests] == [b"a=b+c&d=1", b"a,b"]
    assert upstream.requests[1]["headers"]["Content-Type"] == "text/csv"


def test_query_is_appended_to_the_query_of_the_url(call: Callable[..., Any], upstream: Any) -> None:
    """Lists repeat their key, booleans become `true` and `false`."""
    call(url=upstream.url + "/p?x=1", query={"q": "a b&c", "n": [1, 2.5], "t": True})

    assert upstream.requests[0]["path"] == "/p?x=1&q=a+b%26c&n=1&n=2.5&t=true"


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PUT"])
def test_request_sends_the_given_method(call: Callable[..., Any], upstream: Any, method: str) -> None:
    """`http.request` accepts any HTTP method."""
    call("http.request", method=method)

    assert upstream.requests[0]["method"] == method


def test_credentials_are_a_development_token_for_the_audience(call: Callable[..., Any], upstream: Any) -> None:
    """It names its audience and is unsigned, so no real service accepts it."""
    call(auth={"type": "OIDC", "audience": "https://function.example"})

    kind, _, token = upstream.requests[0]["headers"]["Authorization"].partition(" ")
    head, claims, signature = token.split(".")
    assert (kind, signature) == ("Bearer", "")
    assert json.loads(base64.urlsafe_b64decode(head + "=="))["alg"] == "none"
    assert json.loads(base64.urlsafe_b64decode(claims + "=="))["aud"] == "https://function.example"


def test_error_status_is_an_http_error(call: Callable[..., Any], upstream: Any) -> None:
    """The error carries the full response."""
    upstream.reply(404, {"why": "gone"}, x_probe="yes")

    error = error_of(call)

    assert error["tags"] == ["HttpError"]
    assert error["message"] == "HTTP server responded with error code 404"
    assert (error["code"], error["body"], error["headers"]["X-Probe"]) == (404, {"why": "gone"}, "yes")


def test_unused_port_is_a_failed_connection(call: Callable[..., Any]) -> None:
    """Nothing was received, so a retry is safe."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]

    assert error_of(call, url=f"http://127.0.0.1:{port}")["tags"][0] == "ConnectionFailedError"


def test_unknown_host_is_a_failed_connection(call: Callable[..., Any]) -> None:
    """No connection is opened to a name that does not resolve."""
    assert error_of(call, url="http://no-such-host.invalid")["tags"][0] == "ConnectionFailedError"


def test_broken_connection_is_a_connection_error(call: Callable[..., Any]) -> None:
    """The server closed the connection: the request may have been received."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        listener.settimeout(5)

        def close_early() -> None:
            connection, _ = listener.accept()
            connection.recv(10)
            connection.close()

        thread = threading.Thread(target=close_early)
        thread.start()
        error = error_of(call, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert error["tags"][0] == "ConnectionError"


def test_slow_response_is_a_timeout(call: Callable[..., Any], upstream: Any) -> None:
    """The timeout covers the whole exchange."""
    upstream.hold.clear()

    assert error_of(call, timeout=0.2)["tags"] == ["TimeoutError", "OSError"]


def test_response_has_at_most_2_mb(call: Callable[..., Any], upstream: Any) -> None:
    """A larger one raises ResourceLimitError."""
    upstream.reply_raw(200, b"x" * (2 * 1024 * 1024 + 1), "text/plain")

    assert error_of(call)["tags"] == ["ResourceLimitError"]


@pytest.mark.parametrize(
    ("arguments", "tag"),
    [
        ({"url": "ftp://127.0.0.1"}, "ValueError"),
        ({"url": "nowhere"}, "ValueError"),
        ({"url": 1}, "TypeError"),
        ({"timeout": 1801}, "ValueError"),
        ({"timeout": 0}, "ValueError"),
        ({"timeout": "1"}, "TypeError"),
        ({"headers": {"a": 1}}, "TypeError"),
        ({"headers": {"a": "b\nc"}}, "ValueError"),
        ({"headers": {"a": "\u65e5"}}, "ValueError"),
        ({"url": "http://a..b"}, "ValueError"),
        ({"url": "http://[::1"}, "ValueError"),
        ({"url": "http://127.0.0.1:99999"}, "ValueError"),
        ({"query": {"a": {"b": 1}}}, "TypeError"),
        ({"auth": {"type": "Basic"}}, "AuthError"),
        ({"function": "http.request", "method": "FETCH"}, "ValueError"),
    ],
)
def test_invalid_arguments_raise(call: Callable[..., Any], arguments: dict[str, object], tag: str) -> None:
    """They raise before anything is sent."""
    assert error_of(call, **arguments)["tags"][0] == tag
