"""The embedded event log: one SQLite file (WAL), safe for many processes on one machine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from heliograph.bus.events import Event, encode
from heliograph.bus.log import Recorded
from heliograph.bus.sqlite_file import failure, prepare
from heliograph.bus.sqlite_reader import SqliteReader

# A repeated append is a no-op: the id is the dedup key.
_INSERT: Final = "INSERT INTO events (id, run, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING"


class SqliteLog:
    """An ``EventLog`` in one file.

    Args:
        path: the file, made with its folder on first use; on a local disk, because WAL needs shared memory.
        busy_timeout_s: how long a write waits for another writer before it gives up.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float = 10.0) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._writer: sqlite3.Connection | None = None
        self._writing = threading.Lock()
        self._reader = SqliteReader(path, busy_timeout_s=busy_timeout_s)

    @property
    def unreadable(self) -> int:
        """How many times an event that cannot be read was passed over."""
        return self._reader.unreadable

    @property
    def connected_since(self) -> float | None:
        """See ``EventLog.connected_since``."""
        return self._reader.connected_since

    def append(self, events: Sequence[Event]) -> None:
        """See ``EventLog.append``: one transaction for the batch."""
        rows = [(event.id, event.run, encode(event)) for event in events]
        with self._writing:
            try:
                connection = self._connection()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    connection.executemany(_INSERT, rows)
                    connection.execute("COMMIT")
                except BaseException:
                    connection.rollback()
                    raise
            except sqlite3.Error as error:
                self._drop_connection()
                raise failure(self.path, error) from None

    def create(self) -> None:
        """Makes the file and its tables, and checks that they can be written.

        Raises:
            BusRefused, BusUnavailable: they cannot.
        """
        self.append(())

    def close(self) -> None:
        """See ``EventLog.close``."""
        with self._writing:
            self._drop_connection()

    def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read``."""
        return self._reader.read(run, after=after)

    def read_all(self, *, after: int | None = None, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read_all``."""
        return self._reader.read_all(after=after, since=since)

    def follow(self, run: str, *, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:  # noqa: ARG002  # the index finds a run at once: no need to narrow by time
        """See ``EventLog.follow``."""
        return self._reader.follow(run)

    async def aclose(self) -> None:
        """See ``EventLog.aclose``."""
        await self._reader.aclose()

    def _connection(self) -> sqlite3.Connection:
        if self._writer is None:
            prepare(self.path, timeout_s=self._busy_timeout_s)
            # The lock above keeps it to one thread at a time; close() may come from another than append().
            writer = sqlite3.connect(
                self.path, timeout=self._busy_timeout_s, isolation_level=None, check_same_thread=False
            )
            # FULL syncs each commit: append promises durability, and batches keep the syncs few.
            writer.execute("PRAGMA synchronous = FULL")
            self._writer = writer
        return self._writer

    def _drop_connection(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
