"""What only the Firestore store promises: its layout, its size limit, and errors in bounded time."""

import socket
import time
from datetime import timedelta
from itertools import chain

import pytest

from shared import clock
from shared.errors import Unavailable
from shared.traces.firestore import FirestoreTraces
from shared.traces.firestore_settings import FirestoreSettings
from shared.traces.port import IncidentRecord, Run


def test_documents_are_in_their_collections_and_expire(firestore_traces: FirestoreTraces) -> None:
    """Incidents, runs, leases and texts have their collections, and every document can expire."""
    moment = clock.now()
    firestore_traces.open_incident(IncidentRecord("inc-layout", "checkout", "open", moment, moment, {}))
    firestore_traces.record_run("inc-layout", Run("RCAAgent", moment, moment, {}, {}))
    firestore_traces.claim("service:checkout", "inc-layout", moment + timedelta(minutes=1))
    firestore_traces.keep_text("inc-layout", "log", "x" * 2_000_000)
    firestore_traces.close_incident("inc-layout", {"kind": "full"})
    client = firestore_traces._client

    groups = {name: list(client.collection_group(name).stream()) for name in ("incidents", "outcome", "runs", "leases")}
    chunks = list(client.collection("texts").stream())

    assert {name: len(documents) for name, documents in groups.items()} == dict.fromkeys(groups, 1)
    assert groups["runs"][0].reference.path.startswith("incidents/inc-layout/traces/RCAAgent/runs/")
    assert len(chunks) == 3
    for document in (*chunks, *chain.from_iterable(groups.values())):
        assert document.get("expire_at") > moment


def test_no_answer_is_unavailable_within_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that does not answer is Unavailable within the time that the settings allow."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{taken.getsockname()[1]}")
        traces = FirestoreTraces(FirestoreSettings(google_cloud_project="test", firestore_timeout_s=1))
        start = time.monotonic()

        with pytest.raises(Unavailable, match="Firestore"):
            traces.incident("inc-1")
        with pytest.raises(Unavailable, match="Firestore"):
            traces.incidents()

        assert time.monotonic() - start < 30
        traces.close()
