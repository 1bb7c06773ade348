"""One open connection to the SQLite log, shared by all who read in a process, and the watcher that wakes them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiosqlite

from heliograph.bus.errors import BusError, BusUnavailable
from heliograph.bus.sqlite_file import failure

_PAGE: Final = 500
_POLL_S: Final = 0.05
_ROWS: Final = (
    'SELECT "offset", body FROM events WHERE run = ? AND "offset" > ? AND "offset" <= ? ORDER BY "offset" LIMIT ?'
)
_ALL_ROWS: Final = 'SELECT "offset", body FROM events WHERE "offset" > ? AND "offset" <= ? ORDER BY "offset" LIMIT ?'
_LAST: Final = 'SELECT coalesce(max("offset"), 0) FROM events'
_CHANGED: Final = 'SELECT DISTINCT run FROM events WHERE "offset" > ? AND "offset" <= ?'
_NO_END: Final = 2**63 - 1


class Session:
    """One open connection and the followers it wakes.

    Attributes:
        error: why the session is of no use any more.
        ended: whether that is because the log was closed.
    """

    def __init__(self, path: Path, db: aiosqlite.Connection) -> None:
        self.error: BusError | None = None
        self.ended = False
        self.users = 0
        self._closed = False
        self._path = path
        self._db = db
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._watcher = asyncio.create_task(self._watch(), name="heliograph-sqlite-watcher")

    async def last_offset(self) -> int:
        return int(next(iter(await self._fetch(_LAST)))[0])

    async def page(
        self, run: str | None, *, after: int, until: int = _NO_END, most: int = _PAGE
    ) -> list[tuple[int, bytes]]:
        """The next events behind ``after``, at most a page of them; of all runs where ``run`` is None."""
        if run is None:
            rows = await self._fetch(_ALL_ROWS, after, until, most)
        else:
            rows = await self._fetch(_ROWS, run, after, until, most)
        return [(int(offset), body) for offset, body in rows]

    @asynccontextmanager
    async def bell(self, run: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set whenever the run has something new, or the session broke."""
        bell = asyncio.Event()
        bells = self._bells.setdefault(run, set())
        bells.add(bell)
        try:
            yield bell
        finally:
            bells.discard(bell)
            if not bells:
                self._bells.pop(run, None)

    async def end(self) -> None:
        """Closes while followers may still be there; their iteration ends."""
        self.ended = True
        self._break(BusUnavailable("The event log was closed"))
        await self.close()

    async def close(self) -> None:
        """Idempotent: a generator that is collected late leaves a session that was closed before."""
        if self._closed:
            return
        self._closed = True
        self._watcher.cancel()
        with suppress(asyncio.CancelledError):
            await self._watcher
        await self._db.close()

    async def _watch(self) -> None:
        try:
            last, version = await self.last_offset(), None
            while True:
                # data_version changes when another connection commits; asking it reads nothing from the disk.
                now = next(iter(await self._fetch("PRAGMA data_version")))[0]
                if now != version:
                    newest = await self.last_offset()
                    for (run,) in await self._fetch(_CHANGED, last, newest):
                        self._ring(self._bells.get(run, ()))
                    last, version = newest, now
                await asyncio.sleep(_POLL_S)
        except BusError as error:
            self._break(error)

    def _break(self, error: BusError) -> None:
        self.error = error
        for bells in self._bells.values():
            self._ring(bells)

    @staticmethod
    def _ring(bells: Iterable[asyncio.Event]) -> None:
        for bell in bells:
            bell.set()

    async def _fetch(self, statement: str, *values: str | int) -> Iterable[sqlite3.Row]:
        if self.error is not None:
            raise self.error
        try:
            return await self._db.execute_fetchall(statement, values)
        except sqlite3.Error as error:
            raise failure(self._path, error) from None
