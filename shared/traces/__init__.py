"""The memory of the house: incidents, runs, leases. `connect()` chooses the provider."""

import functools
from collections.abc import Callable
from typing import Any, Literal

from shared.settings import Settings
from shared.traces.port import TraceStore


class Choice(Settings):
    """Which store remembers; unset, it is Firestore wherever a project or an emulator is named."""

    traces_provider: Literal["embedded", "firestore"] | None = None
    google_cloud_project: str | None = None
    firestore_emulator_host: str | None = None

    @property
    def provider(self) -> Literal["embedded", "firestore"]:
        """The provider chosen, or the one the surroundings call for."""
        if self.traces_provider is not None:
            return self.traces_provider
        return "firestore" if self.google_cloud_project or self.firestore_emulator_host else "embedded"


def connect() -> TraceStore:
    """Return the store that TRACES_PROVIDER names, the same one each time. Raises Misconfigured, Unavailable."""
    if Choice.from_env().provider == "firestore":
        from shared.traces.firestore import FirestoreSettings, FirestoreTraces

        return _once(FirestoreTraces, FirestoreSettings.from_env())
    from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

    return _once(EmbeddedTraces, EmbeddedSettings.from_env())


@functools.cache
def _once(store: Callable[[Any], TraceStore], settings: Settings) -> TraceStore:
    return store(settings)
