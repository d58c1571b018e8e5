"""Open the traces that a command reads or writes: those of a project's Firestore, or of the stack on this laptop."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from infra.local.cli import serve
from shared.traces.port import TraceStore

DATABASE = "incident-copilot"
"""The Firestore database that infra/gcp makes."""


@contextmanager
def opened_store(project: str | None) -> Iterator[TraceStore]:
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
