"""Stores an emulator's documents in SQLite, with the jobs that follow from their changes."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Doc = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
  id TEXT PRIMARY KEY, kind TEXT NOT NULL, zone TEXT NOT NULL, doc TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS by_kind ON documents (kind, zone);
CREATE INDEX IF NOT EXISTS by_server ON documents (kind, json_extract(doc, '$.server_id'));
CREATE INDEX IF NOT EXISTS by_switch ON documents (kind, json_extract(doc, '$.switch_id'));
CREATE TABLE IF NOT EXISTS jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL, action TEXT NOT NULL, target TEXT NOT NULL
) STRICT;
"""
_ONE = "SELECT doc FROM documents WHERE kind = ? AND id = ?"
_OF_KIND = "SELECT doc FROM documents WHERE kind = ? ORDER BY rowid"
_OF_ZONE = "SELECT doc FROM documents WHERE kind = ? AND zone = ? ORDER BY rowid"
_OF_SERVER = (
    "SELECT doc FROM documents WHERE kind = ? AND json_extract(doc, '$.server_id') = ?"
    " ORDER BY rowid"
)
_OF_SWITCH = (
    "SELECT doc FROM documents WHERE kind = ? AND json_extract(doc, '$.switch_id') = ?"
    " ORDER BY rowid"
)
# New ids begin above the fixed ids of public archives, notes and the shared segment.
_FIRST_ID = 114_000_000_000


@dataclass(frozen=True)
class Job:
    """Work for the machine, stored in the transaction of its cause and kept until it is done."""

    number: int
    key: str
    """Jobs and power changes with the same key run one after another."""
    action: str
    target: str


class Store:
    """Documents by 12-digit id; safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        # NORMAL with a write-ahead log keeps every commit when the process dies, without an fsync.
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA busy_timeout=5000")
        # Startup scripts may contain secrets, so deleted rows are overwritten.
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database; every later call fails."""
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all changes of the block, or none if it raises; cannot be nested."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _docs(self, query: str, *values: str) -> list[Doc]:
        with self._lock:
            return [json.loads(row[0]) for row in self._db.execute(query, values).fetchall()]

    def get(self, kind: str, doc_id: str) -> Doc | None:
        """The document of this kind and id, or None."""
        return next(iter(self._docs(_ONE, kind, doc_id)), None)

    def all(self, kind: str, zone: str = "") -> list[Doc]:
        """Documents of a kind, oldest first, of one zone or of all."""
        return self._docs(_OF_ZONE, kind, zone) if zone else self._docs(_OF_KIND, kind)

    def of_server(self, kind: str, server_id: str) -> list[Doc]:
        """Documents whose field `server_id` names the server."""
        return self._docs(_OF_SERVER, kind, server_id)

    def of_switch(self, kind: str, switch_id: str) -> list[Doc]:
        """Documents whose field `switch_id` names the switch."""
        return self._docs(_OF_SWITCH, kind, switch_id)

    def put(self, kind: str, doc: Doc) -> None:
        """Insert or replace; the document carries its `id` and `zone`."""
        with self._lock:
            self._db.execute(
                "INSERT INTO documents (id, kind, zone, doc) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET zone = excluded.zone, doc = excluded.doc",
                (doc["id"], kind, doc["zone"], json.dumps(doc, ensure_ascii=False)),
            )

    def change(self, kind: str, doc_id: str, **fields: Any) -> Doc | None:
        """Set fields of a document in a transaction of its own; None when it is gone."""
        with self.transaction():
            doc = self.get(kind, doc_id)
            if doc is None:
                return None
            doc.update(fields)
            self.put(kind, doc)
            return doc

    def delete(self, doc_id: str) -> None:
        """Remove a document; absent is success."""
        with self._lock:
            self._db.execute("DELETE FROM documents WHERE id = ?", (doc_id,))

    def new_id(self) -> str:
        """A random id of 12 digits, so that a Pulumi state of an earlier lab names nothing here."""
        with self._lock:
            while True:
                number = str(_FIRST_ID + secrets.randbelow(1_000_000_000))
                query = "SELECT doc FROM documents WHERE id = ?"
                if not self._docs(query, number):
                    return number

    def enqueue(self, key: str, action: str, target: str) -> Job:
        """Store a job; inside a transaction it is kept exactly if the changes are."""
        with self._lock:
            cursor = self._db.execute(
                "INSERT INTO jobs (key, action, target) VALUES (?, ?, ?)", (key, action, target)
            )
            return Job(cursor.lastrowid or 0, key, action, target)

    def pending_jobs(self) -> list[Job]:
        """Jobs that are not done, oldest first."""
        with self._lock:
            query = "SELECT number, key, action, target FROM jobs ORDER BY number"
            return [Job(*row) for row in self._db.execute(query).fetchall()]

    def done(self, job: Job) -> None:
        """Delete a finished job."""
        with self._lock:
            self._db.execute("DELETE FROM jobs WHERE number = ?", (job.number,))
