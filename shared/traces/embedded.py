"""The trace store in one SQLite file, for a laptop and for tests; several threads and processes may share it."""

import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from shared import clock
from shared.errors import Refused
from shared.settings import Settings
from shared.traces import document, embedded_file, stored
from shared.traces.entries import TraceDocument
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


class EmbeddedSettings(Settings):
    """Where the file is, and for how many days it keeps entries."""

    traces_path: Path = Field(Path(".local/traces.sqlite3"), description="File of the embedded store, SQLite.")
    trace_ttl_days: int = Field(90, ge=1, le=3650, description="Days after which traces are deleted.")


class EmbeddedTraces:
    """TraceStore in SQLite. Raises Unavailable (locked, disk full, no such folder), Refused (not a trace file)."""

    def __init__(self, settings: EmbeddedSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        with embedded_file.named_errors(settings.traces_path):
            self._connection = embedded_file.connect(settings.traces_path)
        # A store that nobody uses any more gives its three descriptors back.
        weakref.finalize(self, self._connection.close)
        self._delete_expired()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def open_incident(self, record: IncidentRecord) -> bool:
        """Create the incident; return False when it exists already."""
        record = replace(record, expire_at=record.expire_at or document.expiry(self._settings.trace_ttl_days))
        inserted = self._write(
            "INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            *_row(record),
        )
        return inserted == 1

    def incident(self, incident_id: str) -> IncidentRecord | None:
        """Return the incident, or None when it does not exist."""
        rows = self._read("SELECT * FROM incidents WHERE incident_id = ?", incident_id)
        if not rows:
            return None
        record = stored.incident_record(dict(rows[0]))
        if record is None:
            raise Refused(f"The incident {incident_id!r} cannot be read: it is not as it was written")
        return record

    def incidents(
        self, *, state: IncidentState | None = None, limit: int = 50, is_oldest_first: bool = False
    ) -> list[IncidentRecord]:
        """Return incidents, newest first unless `is_oldest_first`."""
        chosen = "SELECT * FROM incidents WHERE ?1 IS NULL OR state = ?1 ORDER BY created_at"
        order = "ASC" if is_oldest_first else "DESC"
        rows = self._read(f"{chosen} {order}, incident_id LIMIT ?2", state, limit)
        return [record for row in rows if (record := stored.incident_record(dict(row)))]

    def incident_page(self, behind: ListPosition | None = None, limit: int = 50) -> IncidentPage:
        """Return incidents of every state, newest first, from one read of at most `limit` of them."""
        place = (document.stamp(behind.created_at), behind.incident_id) if behind else (None, None)
        rows = self._read(
            "SELECT * FROM incidents WHERE ?1 IS NULL OR (created_at, incident_id) < (?1, ?2)"
            " ORDER BY created_at DESC, incident_id DESC LIMIT ?3",
            *place,
            limit,
        )
        return stored.incident_page([dict(row) for row in rows], limit)

    def held_incidents(self, due: datetime, limit: int = 50) -> list[IncidentRecord]:
        """Return the held incidents whose hold ends by `due`, the earliest first."""
        chosen = "SELECT * FROM incidents WHERE state = 'held' AND held_until <= ? ORDER BY held_until, incident_id"
        rows = self._read(f"{chosen} LIMIT ?", document.stamp(due), limit)
        return [record for row in rows if (record := stored.incident_record(dict(row)))]

    def changed_incidents(self, since: datetime, limit: int) -> list[IncidentRecord]:
        """Return incidents of every state that changed after `since`, the earliest change first."""
        chosen = "SELECT * FROM incidents WHERE updated_at > ? ORDER BY updated_at, incident_id LIMIT ?"
        rows = self._read(chosen, document.stamp(since), limit)
        return [record for row in rows if (record := stored.incident_record(dict(row)))]

    def followers(self, incident_id: str, limit: int = 500) -> list[IncidentRecord]:
        """Return incidents that follow this one, in no order."""
        rows = self._read("SELECT * FROM incidents WHERE follows = ? LIMIT ?", incident_id, limit)
        return [record for row in rows if (record := stored.incident_record(dict(row)))]

    def follow(self, incident_id: str, leader: str) -> None:
        """Store which incident this one is published with. Raises Refused when there is no such incident."""
        self._update(incident_id, "follows = ?", leader)

    def hold_incident(self, incident_id: str, hold: Hold) -> bool:
        """Hold an incident, or hold it until another time; return False when it is closed or absent."""
        changed = self._write(
            "UPDATE incidents SET state = 'held', hold = ?, held_until = ?, follows = ?, updated_at = ?"
            " WHERE incident_id = ? AND state IN ('open', 'held')",
            document.dumps(hold.model_dump(mode="json")),
            document.stamp(hold.until),
            hold.follows,
            document.stamp(clock.now()),
            incident_id,
        )
        return changed == 1

    def resume_incident(self, incident_id: str) -> bool:
        """Open a held incident again; return False when it is not held."""
        changed = self._write(
            "UPDATE incidents SET state = 'open', hold = NULL, held_until = NULL, created_at = ?1, updated_at = ?1"
            " WHERE incident_id = ?2 AND state = 'held'",
            document.stamp(clock.now()),
            incident_id,
        )
        return changed == 1

    def set_execution(self, incident_id: str, execution: str) -> None:
        """Store the workflow execution that handles the incident. Raises Refused when there is no such incident."""
        self._update(incident_id, "execution = ?", execution)

    def set_pull_request(self, incident_id: str, pull_request: PullRequestRecord) -> None:
        """Store the state of the pull request. Raises Refused when there is no such incident."""
        self._update(incident_id, "pull_request = ?", document.dumps(document.pull_request_json(pull_request)))

    def count_merged_alert(self, incident_id: str) -> None:
        """Add one to the alerts merged into the incident. Raises Refused when there is no such incident."""
        self._update(incident_id, "merged_alerts = merged_alerts + 1")

    def close_incident(self, incident_id: str, outcome: Json) -> bool:
        """Write the final outcome; return False when there is one already, or no such incident."""
        return self._end(incident_id, "closed", outcome)

    def leave_undelivered(self, incident_id: str, outcome: Json) -> bool:
        """Write the outcome of a brief that reached nobody yet; return False when the incident is closed or absent."""
        return self._end(incident_id, "undelivered", outcome)

    def _end(self, incident_id: str, state: IncidentState, outcome: Json) -> bool:
        changed = self._write(
            "UPDATE incidents SET state = ?, outcome = ?, updated_at = ? WHERE incident_id = ? AND state != 'closed'",
            state,
            document.outcome_text(outcome),
            document.stamp(clock.now()),
            incident_id,
        )
        return changed == 1

    def amend_outcome(self, incident_id: str, outcome: Json) -> None:
        """Replace the outcome of a closed incident. Raises Refused when it is open or absent."""
        changed = self._write(
            "UPDATE incidents SET outcome = ?, updated_at = ? WHERE incident_id = ? AND state = 'closed'",
            document.outcome_text(outcome),
            document.stamp(clock.now()),
            incident_id,
        )
        if changed == 0:
            raise Refused(f"There is no closed incident {incident_id!r}, so there is no outcome to amend")

    def record_run(self, incident_id: str, run: Run, signature: str = "") -> StoredAnswer | None:
        """Store one finished run, storing the same run again changes nothing; return the answer in force."""
        entry, body = document.dumps(document.run_entry(run)), run.agent_response
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO runs VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (incident_id, run.agent, document.run_id(run), entry, self._expiry()),
            )
            if body is None:
                return None
            connection.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (incident_id, run.agent, document.dumps(body), signature, self._expiry()),
            )
            chosen = "SELECT * FROM answers WHERE incident_id = ? AND agent = ?"
            return _answer(connection.execute(chosen, (incident_id, run.agent)).fetchone())

    def answers(self, incident_id: str) -> dict[str, StoredAnswer]:
        """Return the answers of an incident's steps, each by the name of its run."""
        rows = self._read("SELECT * FROM answers WHERE incident_id = ?", incident_id)
        return {row["agent"]: answer for row in rows if (answer := _answer(row))}

    def link(self, incident_id: str) -> str:  # noqa: ARG002  # as the port says
        """Return nothing: a file has no address; `make traces ID=…` prints the trace."""
        return ""

    def document(self, incident_id: str) -> TraceDocument | None:
        """Return the whole trace as one nested document, or None when there is no such incident."""
        record = self.incident(incident_id)
        if record is None:
            return None
        rows = self._read("SELECT agent, entry FROM runs WHERE incident_id = ? ORDER BY run_id", incident_id)
        read = ((row["agent"], stored.run_entry(row["entry"], incident_id)) for row in rows)
        return document.nested(record, ((agent, entry) for agent, entry in read if entry is not None))

    def keep_text(self, incident_id: str, name: str, text: str) -> str:
        """Store a large text; return its reference."""
        body = document.storable_text(text)
        reference = document.text_reference(incident_id, name, body)
        self._write("INSERT OR REPLACE INTO texts VALUES (?, ?, ?)", reference, body, self._expiry())
        return reference

    def text(self, reference: str) -> str | None:
        """Return a stored text, or None."""
        rows = self._read("SELECT body FROM texts WHERE reference = ?", reference)
        return str(rows[0]["body"]) if rows else None

    def claim(self, key: str, holder: str, until: datetime, value: Json | None = None) -> Lease:
        """Take the key if it is free, expired or the holder's own; return the lease in force after the call."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO leases VALUES (?1, ?2, ?3, coalesce(?4, '{}')) ON CONFLICT (key) DO UPDATE"
                " SET value = coalesce(?4, iif(holder = ?2, value, '{}')), holder = ?2, until = ?3"
                " WHERE holder = ?2 OR until <= ?5",
                (key, holder, document.stamp(until), value and document.dumps(value), document.stamp(clock.now())),
            )
            row = connection.execute("SELECT * FROM leases WHERE key = ?", (key,)).fetchone()
            if (lease := stored.lease(dict(row))) is None:
                lease = Lease(key, holder, until, value or {})
                values = (holder, document.stamp(until), document.dumps(lease.value), key)
                connection.execute("UPDATE leases SET holder = ?, until = ?, value = ? WHERE key = ?", values)
        return lease

    def lease(self, key: str) -> Lease | None:
        """Return the lease in force, or None when the key is free; nothing is taken."""
        rows = self._read("SELECT * FROM leases WHERE key = ? AND until > ?", key, document.stamp(clock.now()))
        return stored.lease(dict(rows[0])) if rows else None

    def release(self, key: str, holder: str) -> None:
        """Release the key; nothing happens when another holder has it."""
        self._write("DELETE FROM leases WHERE key = ? AND holder = ?", key, holder)

    def _update(self, incident_id: str, change: str, *values: str) -> None:
        # `change` is one of the literals above, never input.
        statement = f"UPDATE incidents SET {change}, updated_at = ? WHERE incident_id = ?"  # noqa: S608
        if self._write(statement, *values, document.stamp(clock.now()), incident_id) == 0:
            raise Refused(f"There is no incident {incident_id!r} in {str(self._settings.traces_path)!r}")

    def _delete_expired(self) -> None:
        moment = document.stamp(clock.now())
        for table in ("incidents", "runs", "answers", "texts"):
            self._write(f"DELETE FROM {table} WHERE expire_at < ?", moment)  # noqa: S608  # literals above
        self._write("DELETE FROM leases WHERE until < ?", moment)

    def _expiry(self) -> str:
        return document.stamp(document.expiry(self._settings.trace_ttl_days))

    def _read(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock, embedded_file.named_errors(self._settings.traces_path):
            return self._connection.execute(statement, values).fetchall()

    def _write(self, statement: str, *values: Any) -> int:
        """Run one statement, atomic by itself; return how many rows it changed."""
        with self._transaction() as connection:
            return connection.execute(statement, values).rowcount

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, embedded_file.named_errors(self._settings.traces_path), self._connection as connection:
            # The write lock is taken first: a transaction that reads and then writes could fail at once as busy.
            connection.execute("BEGIN IMMEDIATE")
            yield connection


def _row(record: IncidentRecord) -> tuple[str | int | None, ...]:
    assert record.expire_at is not None
    return (
        record.incident_id,
        record.service_name,
        record.state,
        document.stamp(record.created_at),
        document.stamp(record.updated_at),
        document.dumps(record.alert),
        record.execution,
        record.merged_alerts,
        None if record.outcome is None else document.outcome_text(record.outcome),
        document.stamp(record.expire_at),
        None if record.pull_request is None else document.dumps(document.pull_request_json(record.pull_request)),
        None if record.hold is None else document.dumps(record.hold.model_dump(mode="json")),
        None if record.hold is None else document.stamp(record.hold.until),
        record.follows,
    )


def _answer(row: sqlite3.Row) -> StoredAnswer | None:
    return stored.answer(row["body"], row["signature"], row["incident_id"])
