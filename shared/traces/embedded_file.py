"""The file of the embedded trace store: its tables, how it is opened, and what its errors mean."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.errors import Refused, Unavailable

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS incidents (
        incident_id TEXT PRIMARY KEY, service_name TEXT NOT NULL, state TEXT NOT NULL, created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL, alert TEXT NOT NULL, execution TEXT, merged_alerts INTEGER NOT NULL, outcome TEXT,
        expire_at TEXT NOT NULL, pull_request TEXT, hold TEXT, held_until TEXT, follows TEXT) WITHOUT ROWID""",
    "CREATE INDEX IF NOT EXISTS incidents_by_age ON incidents (created_at, state)",
    """CREATE TABLE IF NOT EXISTS runs (
        incident_id TEXT NOT NULL, agent TEXT NOT NULL, run_id TEXT NOT NULL, entry TEXT NOT NULL,
        expire_at TEXT NOT NULL, PRIMARY KEY (incident_id, agent, run_id)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS answers (
        incident_id TEXT NOT NULL, agent TEXT NOT NULL, body TEXT NOT NULL, signature TEXT NOT NULL,
        expire_at TEXT NOT NULL, PRIMARY KEY (incident_id, agent)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS texts (
        reference TEXT PRIMARY KEY, body TEXT NOT NULL, expire_at TEXT NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS leases (
        key TEXT PRIMARY KEY, holder TEXT NOT NULL, until TEXT NOT NULL, value TEXT NOT NULL) WITHOUT ROWID""",
)


_LATER_COLUMNS = ("pull_request", "hold", "held_until", "follows")
"""Columns that files of an earlier release do not have, in the order of the table."""

_LATER_INDEXES = (
    "CREATE INDEX IF NOT EXISTS incidents_by_hold ON incidents (held_until) WHERE state = 'held'",
    "CREATE INDEX IF NOT EXISTS incidents_by_change ON incidents (updated_at)",
    "CREATE INDEX IF NOT EXISTS incidents_by_leader ON incidents (follows) WHERE follows IS NOT NULL",
)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made where there is none, with the tables and columns of this release."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    for statement in _SCHEMA:
        connection.execute(statement)
    _add_missing_columns(connection)
    for statement in _LATER_INDEXES:
        connection.execute(statement)
    return connection


def _add_missing_columns(connection: sqlite3.Connection) -> None:
    """Add the columns which files of an earlier release do not have."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        present = {row["name"] for row in connection.execute("PRAGMA table_info(incidents)")}
        for column in _LATER_COLUMNS:
            if column not in present:
                connection.execute(f"ALTER TABLE incidents ADD COLUMN {column} TEXT")


@contextmanager
def named_errors(path: Path) -> Iterator[None]:
    """Raise what SQLite raises inside the block as Unavailable (locked, full) or Refused (not a trace file)."""
    try:
        yield
    except (sqlite3.OperationalError, OSError) as error:
        raise Unavailable(f"The trace file {str(path)!r} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Refused(f"The file {str(path)!r} is not a trace file: {error}") from error
