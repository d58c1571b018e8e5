"""How long the console takes for its list of 5,000 incidents, and how much it reads and sends: part of `make bench`."""

import os
import tempfile
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import flask

from functions.incident_console.main import incident_console
from infra.evals.run_scenario import environment
from shared import clock, traces
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentPage, IncidentRecord, ListPosition

INCIDENTS = 5_000
TRIES = 5
OUTCOME = {"kind": "full", "severity": "high", "subject": "[high] shop: " + "x" * 180, "cause": "y" * 300}


@dataclass(frozen=True)
class ListMeasured:
    """One page: its size in bytes, incidents read for it, and the best of some tries in CPU seconds."""

    size_bytes: int
    read: int
    cpu_s: float


def measure(folder: Path, count: int = INCIDENTS) -> dict[str, ListMeasured]:
    """Fill a store in `folder`, and return what the first page costs, and a search that finds nothing."""
    with environment({"TRACES_PROVIDER": "embedded", "TRACES_PATH": str(folder / "traces.sqlite3")}):
        fill(count)
        return {path: _measured(path) for path in ("/incidents", "/incidents?words=nothing-like-this")}


def fill(count: int) -> None:
    """Open that many closed incidents, a minute apart."""
    store, start = traces.connect(), clock.now() - timedelta(minutes=count)
    for number in range(count):
        moment = start + timedelta(minutes=number)
        store.open_incident(IncidentRecord(f"inc-{number:06}", "shop", "closed", moment, moment, {}, outcome=OUTCOME))


def _measured(path: str) -> ListMeasured:
    reads: list[int] = []
    original = EmbeddedTraces.incident_page

    def counted(self: EmbeddedTraces, behind: ListPosition | None = None, limit: int = 50) -> IncidentPage:
        page = original(self, behind, limit)
        reads.append(len(page.records))
        return page

    EmbeddedTraces.incident_page = counted  # type: ignore[method-assign]  # put back below
    try:
        tries = [_visit(path) for _ in range(TRIES)]
    finally:
        EmbeddedTraces.incident_page = original  # type: ignore[method-assign]
    return ListMeasured(tries[0][0], sum(reads) // TRIES, min(seconds for _, seconds in tries))


def _visit(path: str) -> tuple[int, float]:
    local: dict[str, Any] = {"REMOTE_ADDR": "127.0.0.1"}
    with flask.Flask(__name__).test_request_context(path, base_url="http://127.0.0.1:8080", environ_overrides=local):
        began = time.process_time()
        response = incident_console(flask.request)
        seconds = time.process_time() - began
    assert isinstance(response, flask.Response)
    assert response.status_code == 200
    return len(response.get_data()), seconds


def main() -> None:
    """Print what each page costs."""
    os.environ.pop("CONSOLE_API_KEY", None)
    with tempfile.TemporaryDirectory() as folder:
        for path, one in measure(Path(folder)).items():
            print(f"{path}: {one.size_bytes / 1000:.0f} KB, {one.read} of {INCIDENTS} read, {one.cpu_s:.3f} s of CPU")


if __name__ == "__main__":
    main()
