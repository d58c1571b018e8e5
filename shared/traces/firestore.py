"""The trace store in Firestore.

    incidents/{incident_id}                       one incident; its payloads are JSON text
    incidents/{incident_id}/outcome/told          exists once the outcome is written: only one writer creates it
    incidents/{incident_id}/traces/{agent}/runs/{run_id}
    incidents/{incident_id}/answers/{agent}       the answer in force: only one writer creates it
    leases/{key}
    texts/{reference}  texts/{reference}.{n}      a text in chunks under Firestore's 1 MiB for one document

Payloads are JSON text, not maps: Firestore refuses field names such as `__alert_rule_uid__` and lists within lists.
Nothing here is a transaction, which would contend: of several writers one creates a document, and a lease changes its
holder only if its document is still the one that was read. Every write may be repeated after a lost reply. Each
document carries `expire_at` for a TTL policy on the collection groups above.
Source: https://firebase.google.com/docs/firestore/quotas, https://firebase.google.com/docs/firestore/ttl
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.cloud import firestore

from shared import clock
from shared.errors import Refused, Unavailable
from shared.http.google_errors import translated
from shared.traces import document, firestore_documents, firestore_settings, stored
from shared.traces.entries import RunEntry, TraceDocument
from shared.traces.firestore_settings import FirestoreSettings
from shared.traces.port import (
    Hold,
    IncidentPage,
    IncidentRecord,
    IncidentState,
    Json,
    Lease,
    ListPosition,
    Run,
    StoredAnswer,
)
from shared.traces.pull_request_record import PullRequestRecord

_CLAIM_ATTEMPTS = 20


class FirestoreTraces:
    """TraceStore in Firestore. Raises Unavailable, Throttled (quota), Refused (permission, no database)."""

    def __init__(self, settings: FirestoreSettings) -> None:
        self._settings = settings
        self._client = firestore_settings.connect(settings)
        self._incidents = self._client.collection(settings.trace_collection)
        self._leases = self._client.collection(settings.trace_lease_collection)
        self._texts = self._client.collection(settings.trace_text_collection)
        transient = if_exception_type(google_errors.ServiceUnavailable, google_errors.Aborted)
        retry = Retry(predicate=transient, initial=0.1, maximum=2, timeout=settings.firestore_timeout_s)
        self._call_options: dict[str, Any] = {"retry": retry, "timeout": settings.firestore_timeout_s}

    def close(self) -> None:
        """Close the connection."""
        self._client.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped

    def open_incident(self, record: IncidentRecord) -> bool:
        """Create the incident; return False when it exists already."""
        record = replace(record, expire_at=record.expire_at or document.expiry(self._settings.trace_ttl_days))
        incident = self._incident(record.incident_id)
        batch = self._client.batch()
        batch.create(incident, firestore_documents.fields(record))
        if record.outcome is not None:
            batch.create(
                firestore_documents.outcome_marker(incident), {"at": record.updated_at, "expire_at": record.expire_at}
            )
        return self._commit_first(batch)

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident, or None when it does not exist."""
        fields = self._get(self._incident(incident_id))
        if fields is None:
            return None
        record = stored.incident_record(fields)
        if record is None or record.incident_id != incident_id:
            raise Refused(f"The incident {incident_id!r} in Firestore cannot be read: it is not as it was written")
        return record

    def incidents(
        self, *, state: IncidentState | None = None, limit: int = 50, is_oldest_first: bool = False
    ) -> list[IncidentRecord]:
        """Return incidents, newest first unless `is_oldest_first`."""
        return self._records(firestore_documents.of_state(self._incidents, state, is_oldest_first).limit(limit))

    def incident_page(self, behind: ListPosition | None = None, limit: int = 50) -> IncidentPage:
        """Return incidents of every state, newest first, from one read of at most `limit` of them."""
        query = firestore_documents.listing(self._incidents, behind).limit(limit)
        return stored.incident_page(list(self._stream(query)), limit)

    def held_incidents(self, due: datetime, limit: int = 50) -> list[IncidentRecord]:
        """Return the held incidents whose hold ends by `due`, the earliest first."""
        return self._records(self._where("age.held", "<=", due).order_by("age.held").limit(limit))

    def changed_incidents(self, since: datetime, limit: int) -> list[IncidentRecord]:
        """Return incidents of every state that changed after `since`, the earliest change first."""
        return self._records(self._where("updated_at", ">", since).order_by("updated_at").limit(limit))

    def followers(self, incident_id: str, limit: int = 500) -> list[IncidentRecord]:
        """Return incidents that follow this one, in no order: an order would need a composite index."""
        return self._records(self._where("follows", "==", incident_id).limit(limit))

    def follow(self, incident_id: str, leader: str) -> None:
        """Store which incident this one is published with. Raises Refused when there is no such incident."""
        self._update(incident_id, {"follows": leader})

    def hold_incident(self, incident_id: str, hold: Hold) -> bool:
        """Hold an incident, or hold it until another time; return False when it is closed or absent."""
        return self._change_open(incident_id, ("open", "held"), firestore_documents.held(hold))

    def resume_incident(self, incident_id: str) -> bool:
        """Open a held incident again; return False when it is not held."""
        return self._change_open(incident_id, ("held",), firestore_documents.resumed())

    def set_execution(self, incident_id: str, execution: str) -> None:
        """Store the workflow execution that handles the incident. Raises Refused when there is no such incident."""
        self._update(incident_id, {"execution": execution})

    def set_pull_request(self, incident_id: str, pull_request: PullRequestRecord) -> None:
        """Store the state of the pull request. Raises Refused when there is no such incident."""
        self._update(incident_id, {"pull_request": document.dumps(document.pull_request_json(pull_request))})

    def count_merged_alert(self, incident_id: str) -> None:
        """Add one to the alerts merged into the incident. Raises Refused when there is no such incident."""
        self._update(incident_id, {"merged_alerts": firestore.Increment(1)})

    def close_incident(self, incident_id: str, outcome: Json) -> bool:
        """Write the final outcome; return False when there is one already, or no such incident."""
        if (record := self.incident(incident_id)) is None:
            return False
        incident = self._incident(incident_id)
        batch = self._client.batch()
        batch.create(firestore_documents.outcome_marker(incident), {"at": clock.now(), "expire_at": record.expire_at})
        batch.update(incident, firestore_documents.ended("closed", record.created_at, outcome))
        return self._commit_first(batch)

    def leave_undelivered(self, incident_id: str, outcome: Json) -> bool:
        """Write the outcome of a brief that reached nobody yet; return False when the incident is closed or absent."""
        if (record := self.incident(incident_id)) is None:
            return False
        change = firestore_documents.ended("undelivered", record.created_at, outcome)
        return self._change_open(incident_id, ("open", "held", "undelivered"), change)

    def amend_outcome(self, incident_id: str, outcome: Json) -> None:
        """Replace the outcome of a closed incident. Raises Refused when it is open or absent."""
        if (record := self.incident(incident_id)) is not None and record.state != "closed":
            raise Refused(f"The incident {incident_id!r} is not closed, so it has no outcome to amend")
        self._update(incident_id, {"outcome": document.outcome_text(outcome)})

    def record_run(self, incident_id: str, run: Run, signature: str = "") -> StoredAnswer | None:
        """Store one finished run, storing the same run again changes nothing; return the answer in force."""
        place = self._runs(incident_id, run.agent).document(document.run_id(run))
        entry = self._payload("entry", incident_id, run.agent, document.dumps(document.run_entry(run)))
        fields = {"agent": run.agent, "run_start": run.run_start, "expire_at": self._expiry(), **entry}
        if run.agent_response is None:
            self._set(place, fields)
            return None
        answer = self._incident(incident_id).collection("answers").document(document.document_id(run.agent))
        body = self._payload("body", incident_id, f"{run.agent}-answer", document.dumps(run.agent_response))
        batch = self._client.batch()
        batch.set(place, fields)
        batch.create(answer, {"agent": run.agent, "signature": signature, "expire_at": self._expiry(), **body})
        if self._commit_first(batch):
            return StoredAnswer(run.agent_response, signature)
        self._set(place, fields)
        return self._answer(incident_id, self._get(answer) or {})

    def answers(self, incident_id: str) -> dict[str, StoredAnswer]:
        """Return the answers of an incident's steps, each by the name of its run."""
        answers = self._stream(self._incident(incident_id).collection("answers"))
        read = {str(fields.get("agent")): self._answer(incident_id, fields) for fields in answers}
        return {agent: answer for agent, answer in read.items() if answer is not None}

    def link(self, incident_id: str) -> str:
        """Return the incident's page in the Cloud Console; empty for an emulator, which has none."""
        if self._settings.firestore_emulator_host:
            return ""
        place = f"{self._incidents.id}/{document.document_id(incident_id)}"
        return firestore_documents.console_page(self._client.project, self._settings.firestore_database, place)

    def document(self, incident_id: str) -> TraceDocument | None:
        """Return the whole trace as one nested document, or None when there is no such incident."""
        record = self.incident(incident_id)
        return None if record is None else document.nested(record, self._all_runs(incident_id))

    def keep_text(self, incident_id: str, name: str, text: str) -> str:
        """Store a large text; return its reference."""
        body = document.storable_text(text)
        reference = document.text_reference(incident_id, name, body)
        self._keep_chunks(reference, body.encode())
        return reference

    def text(self, reference: str) -> str | None:
        """Return a stored text, or None."""
        name = document.document_id(reference)
        head = self._get(self._texts.document(name))
        if head is None:
            return None
        others = firestore_documents.further_chunks(name, head.get("chunks"))
        chunks = [head, *(self._get(self._texts.document(each)) or {} for each in others)]
        return firestore_documents.joined(chunk.get("body") for chunk in chunks)

    def claim(self, key: str, holder: str, until: datetime, value: Json | None = None) -> Lease:
        """Take the key if it is free, expired or the holder's own; return the lease in force after the call."""
        place = self._leases.document(document.document_id(key))
        for _ in range(_CLAIM_ATTEMPTS):
            snapshot = self._snapshot(place)
            current = stored.lease(snapshot.to_dict()) if snapshot.exists else None
            if current is not None and current.holder != holder and current.until > clock.now():
                return current
            own_value = current.value if current is not None and current.holder == holder else {}
            lease = Lease(key, holder, until, own_value if value is None else value)
            if self._swap(snapshot, partial(self._put, place, lease)):
                return lease
        raise Unavailable(f"The lease {key!r} changed holder {_CLAIM_ATTEMPTS} times while {holder!r} tried to take it")

    def lease(self, key: str) -> Lease | None:
        """Return the lease in force, or None when the key is free; nothing is taken."""
        fields = self._get(self._leases.document(document.document_id(key)))
        current = stored.lease(fields) if fields else None
        return current if current is not None and current.until > clock.now() else None

    def release(self, key: str, holder: str) -> None:
        """Release the key; nothing happens when another holder has it."""
        place = self._leases.document(document.document_id(key))
        snapshot = self._snapshot(place)
        current = stored.lease(snapshot.to_dict()) if snapshot.exists else None
        if current is not None and current.holder == holder:
            # A failed swap means that the lease had expired and another holder took it: leave it to them.
            self._swap(snapshot, lambda option: place.delete(option=option, **self._call_options))

    def _put(self, place: Any, lease: Lease, option: Any) -> None:
        fields = {"key": lease.key, "holder": lease.holder, "until": lease.until, "value": document.dumps(lease.value)}
        fields["expire_at"] = max(lease.until, self._expiry())
        if option is None:
            place.create(fields, **self._call_options)
        else:
            place.update(fields, option=option, **self._call_options)

    def _swap(self, snapshot: Any, write: Callable[..., object]) -> bool:
        """Run `write` with the condition that the document is still `snapshot`; return False when it is not."""
        option = self._client.write_option(last_update_time=snapshot.update_time) if snapshot.exists else None
        with self._translated_errors():
            try:
                write(option=option)
            except (google_errors.AlreadyExists, google_errors.FailedPrecondition, google_errors.NotFound):
                return False
            return True

    def _commit_first(self, batch: Any) -> bool:
        """Commit a batch that creates a document; return False when another writer created it first."""
        with self._translated_errors():
            try:
                batch.commit(**self._call_options)
            except google_errors.AlreadyExists:
                return False
            return True

    def _change_open(self, incident_id: str, states: tuple[str, ...], change: dict[str, Any]) -> bool:
        """Change an incident in one of these states; its closing at the same moment wins, so that it stays closed."""
        place = self._incident(incident_id)
        for _ in range(_CLAIM_ATTEMPTS):
            snapshot = self._snapshot(place)
            if not snapshot.exists or (snapshot.to_dict() or {}).get("state") not in states:
                return False
            if self._swap(snapshot, partial(place.update, {**change, "updated_at": clock.now()}, **self._call_options)):
                return True
        raise Unavailable(f"The incident {incident_id!r} changed {_CLAIM_ATTEMPTS} times while it was to be changed")

    def _update(self, incident_id: str, change: dict[str, Any]) -> None:
        with self._translated_errors():
            try:
                self._incident(incident_id).update({**change, "updated_at": clock.now()}, **self._call_options)
            except google_errors.NotFound as error:
                raise Refused(f"There is no incident {incident_id!r} in Firestore") from error

    def _keep_chunks(self, reference: str, body: bytes) -> None:
        # The first chunk is written last: a reader that finds it finds the rest.
        for name, fields in reversed(firestore_documents.chunks(reference, body, self._expiry())):
            self._set(self._texts.document(name), fields)

    def _where(self, field: str, operator: str, value: object) -> Any:
        return self._incidents.where(filter=firestore.FieldFilter(field, operator, value))

    def _records(self, query: Any) -> list[IncidentRecord]:
        return [record for fields in self._stream(query) if (record := stored.incident_record(fields))]

    def _all_runs(self, incident_id: str) -> Iterator[tuple[str, RunEntry]]:
        # One query for the runs of every agent. Without a filter or an order it needs no index, and comes by name: by
        # agent, then by start, with which the name of a run begins.
        runs = firestore.Query(self._incident(incident_id).collection("runs"), all_descendants=True)
        for fields in self._stream(runs):
            if (entry := stored.run_entry(self._body("entry", fields), incident_id)) is not None:
                yield str(fields.get("agent")), entry

    def _answer(self, incident_id: str, fields: dict[str, Any]) -> StoredAnswer | None:
        return stored.answer(self._body("body", fields), fields.get("signature"), incident_id)

    def _payload(self, field: str, incident_id: str, name: str, text: str) -> dict[str, str]:
        """Return the field that holds a text: the text, or the reference of one too long for a document."""
        if len(body := text.encode()) <= firestore_documents.CHUNK_BYTES:
            return {field: text}
        reference = document.text_reference(incident_id, name, text)
        self._keep_chunks(reference, body)
        return {f"{field}_ref": reference}

    def _body(self, field: str, fields: dict[str, Any]) -> str:
        """Return a text, which cannot be read as JSON when it is gone."""
        reference = fields.get(f"{field}_ref")
        body = fields.get(field) if reference is None else self.text(str(reference))
        return body if isinstance(body, str) else f"gone: {reference}"

    def _set(self, place: Any, fields: dict[str, Any]) -> None:
        with self._translated_errors():
            place.set(fields, **self._call_options)

    def _incident(self, incident_id: str) -> Any:
        return self._incidents.document(document.document_id(incident_id))

    def _runs(self, incident_id: str, agent: str) -> Any:
        traces = self._incident(incident_id).collection("traces")
        return traces.document(document.document_id(agent)).collection("runs")

    def _expiry(self) -> datetime:
        return document.expiry(self._settings.trace_ttl_days)

    def _snapshot(self, place: Any) -> Any:
        with self._translated_errors():
            return place.get(**self._call_options)

    def _get(self, place: Any) -> Any:
        return self._snapshot(place).to_dict()

    def _stream(self, query: Any) -> Iterator[dict[str, Any]]:
        with self._translated_errors():
            yield from (snapshot.to_dict() for snapshot in query.stream(**self._call_options))

    def _translated_errors(self) -> AbstractContextManager[None]:
        return translated(f"Firestore database {self._settings.firestore_database!r}")
