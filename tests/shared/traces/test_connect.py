"""Which store `connect()` chooses."""

from pathlib import Path

import pytest

from shared import traces
from shared.errors import Misconfigured
from shared.traces.embedded import EmbeddedTraces


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACES_PROVIDER", "GOOGLE_CLOUD_PROJECT", "FIRESTORE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "provider"),
    [
        ("TRACES_PATH", "x", "embedded"),
        ("GOOGLE_CLOUD_PROJECT", "my-project", "firestore"),
        ("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1", "firestore"),
    ],
)
def test_environment_chooses_the_store(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, provider: str
) -> None:
    """A project or an emulator in the environment means Firestore, neither means the file."""
    monkeypatch.setenv(variable, value)

    assert traces.Choice.from_env().provider == provider


def test_explicit_provider_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TRACES_PROVIDER=embedded keeps a laptop off the cloud although a project is set."""
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "my-project")
    monkeypatch.setenv("TRACES_PROVIDER", "embedded")
    monkeypatch.setenv("TRACES_PATH", str(tmp_path / "traces.sqlite3"))

    store = traces.connect()

    assert isinstance(store, EmbeddedTraces)
    store.close()


def test_store_of_other_settings_replaces_the_former(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A process has one store, so that its open files do not grow with every change of the settings."""
    for name in ("first", "second"):
        monkeypatch.setenv("TRACES_PATH", str(tmp_path / name))
        assert traces.connect() is traces.connect()
        assert traces.connect().incidents() == []

    # SQLite deletes the log beside the file when its last connection is closed.
    assert sorted(path.name for path in tmp_path.glob("*-wal")) == ["second-wal"]


def test_store_that_cannot_be_opened_says_so_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a wrong provider names the variable, and is raised only when the store is used."""
    monkeypatch.setenv("TRACES_PROVIDER", "mongodb")

    store = traces.connect()

    with pytest.raises(Misconfigured, match="TRACES_PROVIDER"):
        store.incidents()
