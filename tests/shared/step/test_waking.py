"""A function that is woken loads what its first call would wait for, and fails nothing by it."""

import flask
import pytest

from shared import model
from shared.contracts import RootCauseRequest, RootCauses
from shared.errors import Misconfigured
from shared.step import waking
from shared.step.step import step


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what the test registers is loaded."""
    monkeypatch.setattr(waking, "_loads", {})


@step
def rca(request: RootCauseRequest) -> RootCauses:
    """Never reached: waking asks for nothing."""
    raise AssertionError(request)


def knock() -> int:
    """Return the status of a GET."""
    with flask.Flask(__name__).test_request_context("/", method="GET"):
        return int(rca(flask.request).status_code)


def test_woken_function_loads_what_was_registered_once_each() -> None:
    """Registered again, as a replaced agent does, it is loaded once."""
    loaded: list[str] = []
    for _ in range(2):
        waking.on_wake("rca", lambda: loaded.append("rca"))

    assert (knock(), loaded) == (200, ["rca"])


def test_what_cannot_be_loaded_is_left_to_the_call_that_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong setting is named in the log, and nothing else of waking fails."""

    def refuse() -> None:
        raise Misconfigured("GEMINI_API_KEY is missing")

    loaded: list[str] = []
    waking.on_wake("rca", refuse)
    waking.on_wake("other", lambda: loaded.append("other"))

    assert (knock(), loaded) == (200, ["other"])
    assert "GEMINI_API_KEY is missing" in capsys.readouterr().out


def test_agents_load_their_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of the model is what takes longest."""
    from functions.rca import main

    requested: list[tuple[str, str]] = []
    monkeypatch.setattr(model, "connect", lambda name, tier: requested.append((name, tier)))
    main.AGENT.__post_init__()

    assert (knock(), requested) == (200, [("rca", "light")])
