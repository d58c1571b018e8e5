"""A function that is woken loads what its first call would wait for, and fails nothing by it."""

import flask
import pytest

from shared import model
from shared.contracts import RootCauseRequest, RootCauses, StepCall
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


PUSHED = {"message": {"attributes": {"wake": "path"}, "messageId": "1"}, "subscription": "projects/p/subscriptions/w"}


def knock() -> int:
    """Return the status of a message that Pub/Sub pushes."""
    with flask.Flask(__name__).test_request_context(waking.PATH, method="POST", json=PUSHED):
        return int(rca(flask.request).status_code)


def test_woken_function_loads_what_was_registered_once_each() -> None:
    """Registered again, as a replaced agent does, it is loaded once."""
    loaded: list[str] = []
    for _ in range(2):
        waking.on_wake("rca", lambda: loaded.append("rca"))

    assert (knock(), loaded) == (204, ["rca"])


def test_woken_function_knows_its_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are completed at their first use, which takes longer than many a call."""
    completed: list[str] = []
    for contract in (StepCall, RootCauseRequest, RootCauses):
        monkeypatch.setattr(contract, "model_rebuild", lambda name=contract.__name__: completed.append(name))

    knock()

    assert {"StepCall", "RootCauseRequest", "RootCauses"} <= set(completed)


def test_what_cannot_be_loaded_is_left_to_the_call_that_needs_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong setting is named in the log, and nothing else of waking fails."""

    def refuse() -> None:
        raise Misconfigured("GEMINI_API_KEY is missing")

    loaded: list[str] = []
    waking.on_wake("rca", refuse)
    waking.on_wake("other", lambda: loaded.append("other"))

    assert (knock(), loaded) == (204, ["other"])
    assert "GEMINI_API_KEY is missing" in capsys.readouterr().out


def test_agents_load_their_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library of the model is what takes longest."""
    from functions.rca import main

    requested: list[tuple[str, str]] = []
    monkeypatch.setattr(model, "connect", lambda name, tier: requested.append((name, tier)))
    main.AGENT.__post_init__()

    assert (knock(), requested) == (204, [("rca", "light")])
