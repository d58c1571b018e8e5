"""A function that is woken loads what its first call would wait for, and fails nothing by it."""

import threading

import flask
import pytest

from shared import model
from shared.contracts import RootCauseRequest, RootCauses, StepCall
from shared.errors import Misconfigured
from shared.step import waking
from shared.step.step import step
from tests.builders import an_alert, an_incident

TIMEOUT_S = 10.0


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


def test_waking_gives_way_to_a_call() -> None:
    """One CPU: a call that comes while the function is woken does not share it; waking goes on afterwards."""
    loaded = threading.Event()
    waking.on_wake("slow", loaded.set)
    woken = threading.Thread(target=waking.wake)

    with waking.calls.one():
        woken.start()
        assert not loaded.wait(0.1)

    assert loaded.wait(TIMEOUT_S)
    woken.join(TIMEOUT_S)


def test_waking_ends_though_calls_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy instance is awake; the message that wakes must not be pushed again for ever."""
    loaded = threading.Event()
    waking.on_wake("slow", loaded.set)
    monkeypatch.setattr(waking, "GIVES_WAY_S", 0.01)

    with waking.calls.one():
        waking.wake()

    assert loaded.is_set()


def test_call_is_counted_while_it_is_worked_on() -> None:
    """Also one that fails."""
    counted: list[bool] = []

    @step
    def rca(request: RootCauseRequest) -> RootCauses:
        idle = threading.Thread(target=waking.calls.wait_over, args=(TIMEOUT_S,))
        idle.start()
        idle.join(0.05)
        counted.append(idle.is_alive())
        raise Misconfigured(request.incident_id)

    request = RootCauseRequest(alert=an_alert(), incident=an_incident())
    with flask.Flask(__name__).test_request_context(json=request.model_dump(mode="json"), method="POST"):
        rca(flask.request)

    assert counted == [True]
    waking.calls.wait_over(0)


def test_function_that_is_being_woken_is_not_woken_twice() -> None:
    """An instance has few threads, and waking may wait for a call."""
    loaded: list[str] = []
    waking.on_wake("slow", lambda: loaded.append("slow"))
    woken = threading.Thread(target=waking.wake)

    with waking.calls.one():
        woken.start()
        while not waking._waking.locked():
            woken.join(0.01)
        waking.wake()

    woken.join(TIMEOUT_S)
    assert loaded == ["slow"]


def test_store_that_cannot_be_opened_stops_no_waking(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong variable fails the call that needs it, where it is named."""

    def refuse() -> None:
        raise Misconfigured("TRACES_PROVIDER is wrong")

    loaded: list[str] = []
    monkeypatch.setattr("shared.traces.connect", refuse)
    waking.on_wake("other", lambda: loaded.append("other"))

    assert (knock(), loaded) == (204, ["other"])
