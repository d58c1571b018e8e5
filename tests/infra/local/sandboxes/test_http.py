"""The base of the sandboxes, over real HTTP."""

from collections.abc import Iterator

import pytest
import requests

from infra.local.sandboxes.http import Reply, Request, Sandbox


class Echo(Sandbox):
    """Returns the path and one parameter."""

    def answer(self, request: Request) -> Reply:
        return Reply.of_json({"path": request.path, "word": request.param("word", "none")}, headers={"X-Seen": "yes"})


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as sandbox:
        yield sandbox


def test_requests_are_recorded_with_path_parameters_and_body(echo: Echo) -> None:
    """Received requests can be read afterwards, decoded."""
    answer = requests.post(f"{echo.url}/a%2Fb?word=one%20two", json={"k": "ü"}, timeout=5)

    assert answer.json() == {"path": "/a/b", "word": "one two"}
    assert answer.headers["X-Seen"] == "yes"
    assert [(r.method, r.path, r.json()) for r in echo.requests] == [("POST", "/a/b", {"k": "ü"})]


def test_form_bodies_give_parameters(echo: Echo) -> None:
    """A parameter may be in the form too."""
    assert requests.post(echo.url, data={"word": "form"}, timeout=5).json()["word"] == "form"


def test_queued_faults_come_first_and_once(echo: Echo) -> None:
    """A fault replaces one answer only."""
    echo.fail_next(Reply.of_text("later", 503, {"Retry-After": "7"}))

    first, second = requests.get(echo.url, timeout=5), requests.get(echo.url, timeout=5)

    assert (first.status_code, first.text, first.headers["Retry-After"], second.status_code) == (503, "later", "7", 200)


def test_a_truncated_answer_breaks_the_clients_read(echo: Echo) -> None:
    """Half a body and a closed connection is an error to the client, not a short answer."""
    echo.fail_next(Reply(200, b"x" * 100, is_truncated=True))

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(echo.url, timeout=5)


def test_stopping_does_not_wait_for_delayed_answers() -> None:
    """A test with a slow answer ends at once."""
    with Echo() as echo:
        echo.fail_next(Reply(delay_s=60))
        with pytest.raises(requests.Timeout):
            requests.get(echo.url, timeout=0.05)

    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{echo.port or 1}", timeout=1)
