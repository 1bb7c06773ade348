"""An event log in memory, and switches for what a real one may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from heliograph.bus.events import Event
from heliograph.bus.log import Recorded


class MemoryLog:
    """Implements ``EventLog``; what is appended reaches the followers in the loop's next turn."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.hidden: set[str] = set()  # ids that a follower never gets, only a reader
        self.follows: list[tuple[str, datetime | None]] = []
        self.following = 0
        self.closed = False
        self.failure: Exception | None = None
        self.connected_since: float | None = 0.0
        self._grown = asyncio.Event()

    def append(self, events: Sequence[Event]) -> None:
        self.events.extend(events)
        self._wake()

    def fail(self, error: Exception) -> None:
        """From now on following raises."""
        self.failure = error
        self._wake()

    def close(self) -> None:
        pass

    async def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        first = 0 if after is None else after + 1
        for offset, event in enumerate(self.events[first:], start=first):
            if event.run == run:
                yield Recorded(offset=offset, event=event)

    async def read_all(
        self, *, after: int | None = None, since: datetime | None = None
    ) -> AsyncGenerator[Recorded, None]:
        first = 0 if after is None else after + 1
        for offset, event in enumerate(self.events[first:], start=first):
            if since is None or event.time >= since:
                yield Recorded(offset=offset, event=event)

    async def follow(self, run: str, *, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        self.follows.append((run, since))
        self.following += 1
        try:
            offset = 0
            while True:
                if self.failure is not None:
                    raise self.failure
                for event in self.events[offset:]:
                    if event.run == run and event.id not in self.hidden and (since is None or event.time >= since):
                        yield Recorded(offset=offset, event=event)
                    offset += 1
                if self.failure is None and offset == len(self.events):
                    await self._grown.wait()
        finally:
            self.following -= 1

    async def aclose(self) -> None:
        self.closed = True

    def _wake(self) -> None:
        # Every follower waits on the same flag: a new one per growth, so that none clears it for another.
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()


class DirectWriter:
    """Writes to a memory log in the loop itself: under virtual time a thread would be overtaken."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    async def write(self, events: Sequence[Event]) -> None:
        self._log.append(events)

    def close(self) -> None:
        pass
