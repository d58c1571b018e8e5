"""The house's memory as the laptop reads it: the file that a run leaves behind, or Google's Firestore emulator."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import TraceStore

_VARIABLE = "FIRESTORE_EMULATOR_HOST"
_TIMEOUT_S = 5.0


def file_of(folder: Path) -> Path:
    """Return where a run in `folder` keeps its traces when they are embedded."""
    return folder / "traces" / "traces.sqlite3"


@contextmanager
def opened(folder: Path, project: str, emulator: str | None) -> Iterator[TraceStore]:
    """Yield the traces of the run in `folder`; `emulator` is the host:port of Firestore's when they are there."""
    if emulator is None:
        with closing(EmbeddedTraces(EmbeddedSettings(traces_path=file_of(folder)))) as traces:
            yield traces
        return
    from shared.traces.firestore import FirestoreSettings, FirestoreTraces

    settings = FirestoreSettings(google_cloud_project=project, firestore_timeout_s=_TIMEOUT_S)
    with _told(emulator):
        remembered = FirestoreTraces(settings)
    with closing(remembered):
        yield remembered


@contextmanager
def _told(emulator: str) -> Iterator[None]:
    """Set the variable that Google's library reads while a client is made, which knows no other way."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = emulator
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
