"""A function on a laptop ends a request at its timeout, as Cloud Run does."""

import io
import threading
from pathlib import Path
from typing import Any

import requests

from infra.local.stack import processes
from infra.local.stack.function_server import TimeLimit
from shared import clock

MANIFEST = {"entry_point": "function", "trigger": "http"}
SLOW = """
import pathlib, time
import functions_framework

@functions_framework.http
def function(request):
    asked = request.get_json()
    gate = pathlib.Path(asked["gate"])
    while asked["waits"] and not gate.exists():
        time.sleep(0.01)
    pathlib.Path(asked["done"]).write_text("done")
    return asked
"""


def test_request_over_the_timeout_is_answered_504_and_its_code_runs_on(tmp_path: Path) -> None:
    """A late step does late what it was about to do: callers must know, and its own guards must hold."""
    (tmp_path / "main.py").write_text(SLOW)
    port, gate, done = processes.free_port(), tmp_path / "gate", tmp_path / "done"
    command = processes.function_command(tmp_path, MANIFEST, port, 1)
    service = processes.start("function", command, port, tmp_path, {"PYTHONUNBUFFERED": "1"}, tmp_path)
    body = {"gate": str(gate), "done": str(done), "waits": True}
    try:
        processes.wait_listening(service, 30)
        late = requests.post(service.url, json=body, timeout=30)
        assert (late.status_code, late.text, done.exists()) == (504, "upstream request timeout", False)

        gate.touch()
        end = clock.now().timestamp() + 30
        while not done.exists() and clock.now().timestamp() < end:
            pass
        quick = requests.post(service.url, json={**body, "waits": False}, timeout=30)
    finally:
        processes.stop([service])

    assert done.exists()
    assert (quick.status_code, quick.json()["gate"]) == (200, str(gate))


def test_bug_of_the_application_is_a_500_at_once(monkeypatch: Any) -> None:
    """What it raises does not wait for the timeout."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    answered: list[str] = []

    def fails(_environ: object, _start: object) -> list[bytes]:
        raise ZeroDivisionError

    environ = {"wsgi.input": io.BytesIO(), "CONTENT_LENGTH": "0"}
    TimeLimit(fails, 60)(environ, lambda status, _: answered.append(status))

    assert answered == ["500 Internal Server Error"]
