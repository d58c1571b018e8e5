"""The traces of a local run: in the file that it leaves behind, or in Google's Firestore emulator."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import TraceStore

_VARIABLE = "FIRESTORE_EMULATOR_HOST"
_TIMEOUT_S = 120


def file_of(folder: Path) -> Path:
    """Return the file with the embedded traces of a run in `folder`."""
    return folder / "traces" / "traces.sqlite3"


@contextmanager
def opened(folder: Path, project: str, emulator: str | None) -> Iterator[TraceStore]:
    """Yield the traces of the run in `folder`; `emulator` is Firestore's host:port when it holds them."""
    if emulator is None:
        with closing(EmbeddedTraces(EmbeddedSettings(traces_path=file_of(folder)))) as traces:
            yield traces
        return
    from shared.traces.firestore import FirestoreTraces
    from shared.traces.firestore_settings import FirestoreSettings

    settings = FirestoreSettings(google_cloud_project=project, firestore_timeout_s=_TIMEOUT_S)
    with _emulator_variable(emulator):
        firestore = FirestoreTraces(settings)
    with closing(firestore):
        yield firestore


@contextmanager
def _emulator_variable(emulator: str) -> Iterator[None]:
    """Set the variable that Google's library reads when a client is created; it has no parameter for it."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = emulator
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
