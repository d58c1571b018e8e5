"""Whether a failed request can have reached its receiver."""

import socket
import threading

import pytest
import requests

from shared.http.sent import was_not_sent


def test_refused_connection_was_not_sent() -> None:
    """Nobody listens there."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"

        with pytest.raises(requests.RequestException) as caught:
            requests.post(url, timeout=5)

    assert was_not_sent(caught.value)


def test_lost_reply_may_have_been_sent() -> None:
    """The receiver took the request and closed the connection."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        threading.Thread(target=_take_and_close, args=(server,), daemon=True).start()

        with pytest.raises(requests.RequestException) as caught:
            requests.post(f"http://127.0.0.1:{server.getsockname()[1]}", data=b"x", timeout=30)

    assert not was_not_sent(caught.value)


def _take_and_close(server: socket.socket) -> None:
    connection, _ = server.accept()
    connection.recv(65_536)
    connection.close()
