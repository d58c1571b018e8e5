"""
What people did in the console, the newest of it in one lease: who acknowledged, muted, judged which incident.

The trace of each incident holds its own for as long as it lives; one read of this says it for all of them.
"""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, ValidationError

from shared import clock, log
from shared.admission.operator_requests import OperatorRequest, RequestKind, Verdict
from shared.bounds import AtMost, Contract, Ref, Sentence
from shared.contracts import AwareUtc
from shared.http.validation import places
from shared.traces.port import TraceStore

KEY = "operator-journal"
MAX_ENTRIES = 150
"""At most 5.5 KB each, so that they fit into one document of the store, which holds 1 MiB."""
LIFE = timedelta(days=365)


class JournalEntry(Contract):
    """One thing that a person did."""

    request_id: str = Field(max_length=64)
    kind: RequestKind
    by: str = Field(max_length=80)
    at: AwareUtc
    service_name: str = Field(max_length=200)
    incident_id: Ref = ""
    until: AwareUtc | None = Field(None, description="Until when a service is muted.")
    verdict: Verdict | None = None
    cause: Sentence = ""
    note: Annotated[str, AtMost(500)] = ""
    became: str = Field("", max_length=100, description="What came of it: the word for an investigation, else empty.")


def entries(store: TraceStore) -> list[JournalEntry]:
    """Return what people did, the newest first. What cannot be read is left out. Raises what the store raises."""
    lease = store.lease(KEY)
    stored = lease.value.get("entries") if lease else None
    read = []
    for each in stored if isinstance(stored, list) else []:
        try:
            read.append(JournalEntry.model_validate(each))
        except ValidationError as error:
            log.error("operator_journal.unreadable", error=places(error))
    return read


def add(store: TraceStore, entry: JournalEntry) -> None:
    """Add an entry, unless its request is there; the oldest make room. Raises what the store raises."""
    others = [one for one in entries(store) if one.request_id != entry.request_id]
    newest = sorted([entry, *others], key=lambda one: one.at, reverse=True)[:MAX_ENTRIES]
    store.claim(KEY, KEY, clock.now() + LIFE, {"entries": [one.model_dump(mode="json") for one in newest]})


def entry_of(request: OperatorRequest, **more: object) -> JournalEntry:
    """Return a request's entry."""
    fields = set(JournalEntry.model_fields) & set(OperatorRequest.model_fields)
    return JournalEntry.model_validate({**request.model_dump(include=fields), **more})
