"""What only the SQLite store promises: several processes at once, and errors that say who must act."""

import multiprocessing
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from shared import clock
from shared.errors import Refused, Unavailable
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import IncidentRecord
from shared.traces.pull_request_record import PullRequestRecord


def open_many(path: Path, start: "multiprocessing.synchronize.Event", won: "multiprocessing.Queue[int]") -> None:
    """Open the file and 50 incidents, counting merges in one that all processes share; report how many were won."""
    start.wait(20)
    traces = EmbeddedTraces(EmbeddedSettings(traces_path=path))
    traces.open_incident(record("inc-shared"))
    wins = 0
    for n in range(50):
        wins += traces.open_incident(record(f"inc-race-{n}"))
        traces.count_merged_alert("inc-shared")
    traces.close()
    won.put(wins)


def record(incident_id: str, **changes: object) -> IncidentRecord:
    """An open incident of checkout."""
    moment = clock.now()
    return IncidentRecord(incident_id, "checkout", "open", moment, moment, {}, **changes)  # type: ignore[arg-type]


def test_processes_share_one_file(tmp_path: Path) -> None:
    """Three processes that create and write the file at once open each incident once and lose no count."""
    context = multiprocessing.get_context("spawn")
    start, won = context.Event(), context.Queue()
    path = tmp_path / "new" / "traces.sqlite3"
    writers = [context.Process(target=open_many, args=(path, start, won)) for _ in range(3)]
    for writer in writers:
        writer.start()
    start.set()
    wins = [won.get(timeout=60) for _ in writers]
    for writer in writers:
        writer.join(20)

    assert sum(wins) == 50
    traces = EmbeddedTraces(EmbeddedSettings(traces_path=path))
    shared = traces.incident("inc-shared")
    traces.close()
    assert shared is not None
    assert shared.merged_alerts == 150


def test_file_of_an_earlier_release_can_store_pull_requests(tmp_path: Path) -> None:
    """A file created before pull requests were stored is opened, read and written like any other."""
    settings = EmbeddedSettings(traces_path=tmp_path / "traces.sqlite3")
    first = EmbeddedTraces(settings)
    first.open_incident(record("inc-old"))
    first.close()
    with sqlite3.connect(settings.traces_path) as connection:
        connection.execute("ALTER TABLE incidents DROP COLUMN pull_request")
    connection.close()

    second = EmbeddedTraces(settings)
    second.set_pull_request("inc-old", PullRequestRecord(state="open"))
    stored = second.incident("inc-old")
    second.close()

    assert stored is not None
    assert stored.pull_request == PullRequestRecord(state="open")


def test_reopening_deletes_what_expired(tmp_path: Path) -> None:
    """An incident past its expiry is gone when the file is opened again; others stay."""
    settings = EmbeddedSettings(traces_path=tmp_path / "traces.sqlite3")
    first = EmbeddedTraces(settings)
    first.open_incident(record("inc-past", expire_at=clock.now() - timedelta(seconds=1)))
    first.open_incident(record("inc-kept"))
    first.close()

    second = EmbeddedTraces(settings)

    assert second.incident("inc-past") is None
    assert second.incident("inc-kept") is not None
    second.close()


def test_file_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    """A file of another kind is not changed, and the error names it."""
    path = tmp_path / "notes.txt"
    path.write_text("these are notes, not a database, and long enough to be read as one" * 20)

    with pytest.raises(Refused, match=r"notes\.txt"):
        EmbeddedTraces(EmbeddedSettings(traces_path=path))


def test_path_that_cannot_be_written_is_unavailable(tmp_path: Path) -> None:
    """The error for a folder at the path names it."""
    with pytest.raises(Unavailable, match="cannot be used"):
        EmbeddedTraces(EmbeddedSettings(traces_path=tmp_path))
