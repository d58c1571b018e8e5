"""Open the traces that an operator reads: those of a project's Firestore, or of the stack on this laptop."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.local.cli import serve
from infra.local.cli.maintenance_windows import DATABASE
from shared.traces.port import TraceStore


@contextmanager
def opened(project: str | None) -> Iterator[TraceStore]:
    """Yield the store. Raises Unavailable when there is none, Refused without permission or login."""
    if project is None:
        with serve.traces_of_running_stack() as store:
            yield store
        return
    # Only here: a laptop without Firestore needs none of it.
    from shared.traces.firestore import FirestoreTraces
    from shared.traces.firestore_settings import FirestoreSettings

    settings = FirestoreSettings(google_cloud_project=project, firestore_database=DATABASE)
    with closing(FirestoreTraces(settings)) as store:
        yield store
