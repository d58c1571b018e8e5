"""A process that sleeps is started by its first request; every request until then waits for that one start."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from infra.bench.brief.cold_start import ColdStartProxy
from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.stack.processes import HOST, free_port

TIMEOUT_S = 10


class Sleeper:
    """A receiver behind the proxy that runs only once it was started, and a start that waits until it may end."""

    def __init__(self, folder: Path) -> None:
        self.hook = HookSandbox(folder, free_port())
        self.starts = 0
        self.is_starting, self.may_start = threading.Event(), threading.Event()
        self.proxy = ColdStartProxy("hook", f"http://{HOST}:{self.hook.port}", self.start)

    def start(self, _: str) -> None:
        """Start as the platform does."""
        self.starts += 1
        self.is_starting.set()
        self.may_start.wait(TIMEOUT_S)
        self.hook.start()

    def post(self) -> int:
        """Post one request; return its status."""
        return requests.post(f"{self.proxy.url}/a", json={}, timeout=TIMEOUT_S).status_code


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    """One that sleeps, and needs no time for the platform."""
    made = Sleeper(tmp_path)
    made.proxy.sleep(0.0)
    yield made
    made.may_start.set()
    made.proxy.stop()
    made.hook.stop()


def test_nothing_starts_before_the_first_request(sleeper: Sleeper) -> None:
    """A listener is there, a process is not."""
    assert sleeper.proxy.is_asleep
    assert sleeper.starts == 0


def test_first_requests_wait_for_one_start(sleeper: Sleeper) -> None:
    """The first starts it, those that come meanwhile wait, and all of them are answered."""
    with ThreadPoolExecutor(3) as pool:
        replies = [pool.submit(sleeper.post) for _ in range(3)]
        assert sleeper.is_starting.wait(TIMEOUT_S)
        assert not any(reply.done() for reply in replies)
        sleeper.may_start.set()

        assert [reply.result(TIMEOUT_S) for reply in replies] == [200, 200, 200]
    assert (sleeper.starts, len(sleeper.hook.calls)) == (1, 3)


def test_later_requests_start_nothing(sleeper: Sleeper) -> None:
    """What is awake is only forwarded to, until it sleeps again."""
    sleeper.may_start.set()

    assert [sleeper.post(), sleeper.post()] == [200, 200]
    assert (sleeper.starts, sleeper.proxy.is_asleep) == (1, False)


def test_start_takes_at_least_the_platforms_time(sleeper: Sleeper) -> None:
    """The penalty comes before the process is started."""
    sleeper.may_start.set()
    sleeper.proxy.sleep(0.05)

    sleeper.post()

    assert sleeper.proxy.start_s >= 0.05
