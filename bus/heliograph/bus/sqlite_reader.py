"""The reading side of the SQLite log: one connection and one watcher for all readers of a process."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import aiosqlite
from tenacity import AsyncRetrying, retry_if_exception_type

from heliograph.bus.errors import BusUnavailable, MalformedEvent
from heliograph.bus.events import decode
from heliograph.bus.log import Recorded
from heliograph.bus.patience import BACK_OFF, tell
from heliograph.bus.sqlite_file import prepare, unavailable

_log = logging.getLogger(__name__)

_PAGE: Final = 500
_POLL_S: Final = 0.05
_ROWS: Final = (
    'SELECT "offset", body FROM events WHERE run = ? AND "offset" > ? AND "offset" <= ? ORDER BY "offset" LIMIT ?'
)
_LAST: Final = 'SELECT coalesce(max("offset"), 0) FROM events'
_CHANGED: Final = 'SELECT DISTINCT run FROM events WHERE "offset" > ? AND "offset" <= ?'
_NO_END: Final = 2**63 - 1


class _Session:
    """One open connection and the followers it wakes.

    Attributes:
        error: why the session is of no use any more.
        ended: whether that is because the log was closed.
    """

    def __init__(self, path: Path, db: aiosqlite.Connection) -> None:
        self.error: BusUnavailable | None = None
        self.ended = False
        self.users = 0
        self._closed = False
        self._path = path
        self._db = db
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._watcher = asyncio.create_task(self._watch(), name="heliograph-sqlite-watcher")

    async def last_offset(self) -> int:
        return int(next(iter(await self._fetch(_LAST)))[0])

    async def page(self, run: str, *, after: int, until: int = _NO_END) -> list[tuple[int, bytes]]:
        """The next events of the run behind ``after``, at most a page of them."""
        return [(int(offset), body) for offset, body in await self._fetch(_ROWS, run, after, until, _PAGE)]

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
        except BusUnavailable as error:
            self._break(error)

    def _break(self, error: BusUnavailable) -> None:
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
            raise unavailable(self._path, error) from None


class SqliteReader:
    """Reads and follows runs. The connection is open while somebody reads.

    Attributes:
        unreadable: how many times an event that cannot be read was passed over.
        connected_since: see ``EventLog.connected_since``.
    """

    def __init__(self, path: Path, *, busy_timeout_s: float) -> None:
        self.unreadable = 0
        self.connected_since: float | None = None
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._session: _Session | None = None
        self._opening = asyncio.Lock()

    async def read(self, run: str, *, after: int | None = None) -> AsyncIterator[Recorded]:
        """See ``EventLog.read``."""
        async with self._open() as session:
            end, position = await session.last_offset(), after or 0
            while rows := await session.page(run, after=position, until=end):
                for recorded in self._decoded(rows):
                    yield recorded
                position = rows[-1][0]

    async def follow(self, run: str) -> AsyncIterator[Recorded]:
        """See ``EventLog.follow``."""
        position = 0
        patiently = AsyncRetrying(retry=retry_if_exception_type(BusUnavailable), wait=BACK_OFF, before_sleep=tell)
        while True:
            session: _Session = await patiently(self._join)
            try:
                async with session.bell(run) as bell:
                    while True:
                        bell.clear()
                        rows = await session.page(run, after=position)
                        for recorded in self._decoded(rows):
                            yield recorded
                        if rows:
                            position = rows[-1][0]
                        else:
                            await bell.wait()
            except BusUnavailable as error:
                if session.ended:
                    return
                _log.warning("%s", error)
            finally:
                await self._leave(session)

    async def aclose(self) -> None:
        """See ``EventLog.aclose``."""
        session, self._session = self._session, None
        self.connected_since = None
        if session is not None:
            await session.end()

    def _decoded(self, rows: Iterable[tuple[int, bytes]]) -> Iterable[Recorded]:
        for offset, body in rows:
            try:
                event = decode(body)
            except MalformedEvent as error:
                self.unreadable += 1
                _log.warning("Passed over what stands at offset %d of %s: %s", offset, self._path, error)
                continue
            if event is not None:
                yield Recorded(offset=offset, event=event)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[_Session]:
        session = await self._join()
        try:
            yield session
        finally:
            await self._leave(session)

    async def _join(self) -> _Session:
        async with self._opening:
            if self._session is None or self._session.error is not None:
                self._session = await self._connect()
                self.connected_since = time.monotonic()
            self._session.users += 1
            return self._session

    async def _leave(self, session: _Session) -> None:
        session.users -= 1
        if session.users:
            return
        if session is self._session:
            self._session, self.connected_since = None, None
        await session.close()

    async def _connect(self) -> _Session:
        await asyncio.to_thread(prepare, self._path, timeout_s=self._busy_timeout_s)
        try:
            db = await aiosqlite.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None)
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from None
        return _Session(self._path, db)
