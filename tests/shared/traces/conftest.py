"""Google's own Firestore emulator, started once for the tests of this folder and emptied before each."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from infra.local.stack import emulators
from shared.traces.firestore import FirestoreTraces
from shared.traces.firestore_settings import FirestoreSettings
from tests.emulated import need


@pytest.fixture(scope="session")
def firestore_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The emulator's host:port; without the emulator the tests are skipped, except in CI where gcloud is installed."""
    need("firestore")
    with emulators.firestore(tmp_path_factory.mktemp("emulator") / "firestore.log") as address:
        yield address


@pytest.fixture
def firestore_traces(firestore_emulator: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FirestoreTraces]:
    """A store in a project of its own, hence empty."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_emulator)
    traces = FirestoreTraces(FirestoreSettings(google_cloud_project=f"test-{uuid4().hex[:12]}"))
    yield traces
    traces.close()
