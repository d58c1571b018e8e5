"""`make local` as a whole: what dies is said and comes back, and an alert after that ends as before."""

import time
from pathlib import Path

import pytest

from infra.local.cli import demo
from infra.local.live.watch import Watch
from infra.local.scenarios.build import build
from infra.local.stack.stack import Stack
from infra.local.terminal import Terminal
from shared import clock

DEADLINE_S = 90.0
KILLED = ("rca", "alert_intake", "bus", "engine", "incident_console")


def test_killed_processes_are_said_and_come_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A step, the webhook, Pub/Sub with its topics, the engine and the console: an alert finds them all."""
    built = build(demo.SCENARIO, tmp_path / "scenario", clock.now())
    with Stack(tmp_path, built) as stack, stack.traces() as store:
        watch = Watch(stack, Terminal(width=400))
        for name in KILLED:
            stack.kill(name)
        assert sorted(watch.look_at_processes()) == sorted(KILLED)
        assert watch.look_at_processes() == []

        incident_id = demo.post_alert(stack, built.alert)
        deadline = time.monotonic() + DEADLINE_S
        while (record := store.incident(incident_id)) is None or record.state != "closed":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        watch.look_at_incidents(store)

        screen = capsys.readouterr().out
    for name in KILLED:
        assert f"{name} ended with -9; it runs again as pid " in screen
    assert f"alert    checkout-api: CheckoutErrorRatio, {incident_id}" in screen
    assert "outcome  full" in screen
