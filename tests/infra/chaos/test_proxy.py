"""The proxy does to a request what its fault says, and nothing to the others."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from infra.chaos.proxy import Fault, FaultProxy
from infra.local.sandboxes.hook.server import HookSandbox

TIMEOUT_S = 10


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[HookSandbox]:
    """A receiver that keeps what it gets."""
    with HookSandbox(tmp_path) as sandbox:
        yield sandbox


@pytest.fixture
def proxy(hook: HookSandbox) -> Iterator[FaultProxy]:
    """A proxy before it; killing it does nothing."""
    made = FaultProxy("hook", hook.url, lambda _: None)
    yield made
    made.stop()


def post(proxy: FaultProxy, path: str = "/a") -> requests.Response:
    """Post through the proxy."""
    return requests.post(proxy.url + path, json={"n": 1}, timeout=TIMEOUT_S)


def test_without_a_fault_it_is_not_noticed(proxy: FaultProxy, hook: HookSandbox) -> None:
    """Request and reply pass as they are."""
    assert post(proxy).json() == {"ok": True, "number": 1}
    assert hook.calls[0]["body"] == {"n": 1}


@pytest.mark.parametrize(("kind", "arrived"), [("503", 0), ("garbage", 1), ("empty", 1), ("slow", 1)])
def test_reply_is_replaced(proxy: FaultProxy, hook: HookSandbox, kind: str, arrived: int) -> None:
    """A status is answered without the service; garbage comes after it did its work. The next request passes."""
    proxy.plant(Fault("hook", kind, times=1))

    reply = post(proxy)

    assert reply.status_code == (503 if kind == "503" else 200)
    assert len(hook.calls) == arrived
    assert post(proxy).json()["ok"]


@pytest.mark.parametrize(("kind", "arrived"), [("reset", 0), ("half", 1), ("lost_reply", 1), ("killed", 1)])
def test_connection_breaks(proxy: FaultProxy, hook: HookSandbox, kind: str, arrived: int) -> None:
    """The caller sees a broken connection, whatever the service did."""
    proxy.plant(Fault("hook", kind, times=1))

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError, json.JSONDecodeError)):
        post(proxy).json()

    assert len(hook.calls) == arrived


def test_nothing_listens_while_it_is_refused(proxy: FaultProxy) -> None:
    """And again once that ends, on the same port."""
    proxy.plant(Fault("hook", "refused"))
    with pytest.raises(requests.ConnectionError):
        post(proxy)

    proxy.clear()

    assert post(proxy).status_code == 200


@pytest.mark.parametrize(("kind", "arrived"), [("hang", 0), ("late", 1)])
def test_request_waits_for_the_end_of_the_fault(proxy: FaultProxy, hook: HookSandbox, kind: str, arrived: int) -> None:
    """One that hangs is dropped then, a late one is handled."""
    fault = Fault("hook", kind)
    proxy.plant(fault)
    ended: list[str] = []

    def call() -> None:
        try:
            ended.append(str(post(proxy).status_code))
        except requests.RequestException as error:
            ended.append(type(error).__name__)

    thread = threading.Thread(target=call)
    thread.start()
    while not fault.hits:
        pass
    assert (ended, hook.calls) == ([], [])
    proxy.clear()
    thread.join()

    assert len(hook.calls) == arrived
    assert ended == (["200"] if arrived else ["ConnectionError"])


def test_fault_strikes_its_method_and_path_alone(proxy: FaultProxy) -> None:
    """Reading may work while writing does not."""
    proxy.plant(Fault("hook", "503", method="POST", path="/write"))

    assert [post(proxy, path).status_code for path in ("/read", "/write/1")] == [200, 503]
