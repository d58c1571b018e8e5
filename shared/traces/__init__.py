"""The trace store: incidents, runs, leases. `connect()` chooses the provider."""

import functools
from collections.abc import Callable
from typing import Any, Literal, NoReturn, cast

from pydantic import Field

from shared.errors import IncidentCopilotError
from shared.settings import Settings
from shared.traces.port import TraceStore


class Choice(Settings):
    """Which trace store to use; unset, it is Firestore when a project or an emulator is set."""

    traces_provider: Literal["embedded", "firestore"] | None = Field(
        None, description="firestore, or embedded: a local file; unset, firestore when a project or an emulator is set."
    )
    google_cloud_project: str | None = Field(
        None, description="Id of the Google Cloud project; unset, traces are kept in a local file."
    )
    firestore_emulator_host: str | None = Field(
        None, description="host:port of a Firestore emulator; unset, Google's Firestore."
    )

    @property
    def provider(self) -> Literal["embedded", "firestore"]:
        """The provider set, or the one the other variables imply."""
        if self.traces_provider is not None:
            return self.traces_provider
        return "firestore" if self.google_cloud_project or self.firestore_emulator_host else "embedded"


def connect() -> TraceStore:
    """
    Return the store that TRACES_PROVIDER names, the same one each time.

    A store that cannot be opened is returned too: each of its methods raises the reason (Misconfigured, Unavailable),
    so that a caller that can work without a store still does.
    """
    try:
        return _open()
    except IncidentCopilotError as error:
        return cast(TraceStore, _Closed(error))


class _Closed:
    """Has every method of a store, and each raises the reason why the store cannot be opened."""

    def __init__(self, reason: IncidentCopilotError) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> Callable[..., NoReturn]:
        def refuse(*_arguments: object, **_named: object) -> NoReturn:
            raise self._reason

        return refuse


def _open() -> TraceStore:
    if Choice.from_env().provider == "firestore":
        from shared.traces.firestore import FirestoreTraces
        from shared.traces.firestore_settings import FirestoreSettings

        return _once(FirestoreTraces, FirestoreSettings.from_env())
    from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

    return _once(EmbeddedTraces, EmbeddedSettings.from_env())


# A process has one store: other settings replace it, instead of leaving its connections open for good.
@functools.lru_cache(maxsize=1)
def _once(store: Callable[[Any], TraceStore], settings: Settings) -> TraceStore:
    return store(settings)
