"""The reading side of the SQLite log: one connection and one watcher for all readers of a process."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import aiosqlite
from tenacity import AsyncRetrying, retry_if_exception_type

from heliograph.bus.errors import BusUnavailable, MalformedEvent, NewerEventVersion
from heliograph.bus.events import decode
from heliograph.bus.log import Recorded
from heliograph.bus.patience import BACK_OFF, tell
from heliograph.bus.sqlite_file import failure, prepare
from heliograph.bus.sqlite_session import Session
from heliograph.bus.sqlite_since import last_before

_log = logging.getLogger(__name__)

# What the clocks of the writers on one machine may be set back or forth, with room.
_MARGIN: Final = timedelta(minutes=15)


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
        self._session: Session | None = None
        self._opening = asyncio.Lock()

    async def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read``."""
        async with self._open() as session:
            end, position = await session.last_offset(), after or 0
            while rows := await session.page(run, after=position, until=end):
                for recorded in self._decoded(rows):
                    yield recorded
                position = rows[-1][0]

    async def read_all(
        self, *, after: int | None = None, since: datetime | None = None
    ) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.read_all``."""
        async with self._open() as session:
            end, position = await session.last_offset(), after or 0
            if since is not None:
                position = max(position, await last_before(session, since - _MARGIN, end=end))
            while rows := await session.page(None, after=position, until=end):
                for recorded in self._decoded(rows, newer_too=True):
                    yield recorded
                position = rows[-1][0]

    async def follow(self, run: str) -> AsyncGenerator[Recorded, None]:
        """See ``EventLog.follow``."""
        position = 0
        patiently = AsyncRetrying(retry=retry_if_exception_type(BusUnavailable), wait=BACK_OFF, before_sleep=tell)
        while True:
            session: Session = await patiently(self._join)
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

    def _decoded(self, rows: Iterable[tuple[int, bytes]], *, newer_too: bool = False) -> Iterable[Recorded]:
        """What can be read; ``newer_too``: pass over also what is of a newer version."""
        passed_over = (MalformedEvent, NewerEventVersion) if newer_too else (MalformedEvent,)
        for offset, body in rows:
            try:
                event = decode(body)
            except passed_over as error:
                self.unreadable += 1
                _log.warning("Passed over what stands at offset %d of %s: %s", offset, self._path, error)
                continue
            if event is not None:
                yield Recorded(offset=offset, event=event)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Session]:
        session = await self._join()
        try:
            yield session
        finally:
            await self._leave(session)

    async def _join(self) -> Session:
        async with self._opening:
            if self._session is None or self._session.error is not None:
                self._session = await self._connect()
                self.connected_since = time.monotonic()
            self._session.users += 1
            return self._session

    async def _leave(self, session: Session) -> None:
        session.users -= 1
        if session.users:
            return
        if session is self._session:
            self._session, self.connected_since = None, None
        await session.close()

    async def _connect(self) -> Session:
        await asyncio.to_thread(prepare, self._path, timeout_s=self._busy_timeout_s)
        try:
            db = await aiosqlite.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None)
        except sqlite3.Error as error:
            raise failure(self._path, error) from None
        return Session(self._path, db)
