"""An event log in memory for producers: threads can wait for what they write, and it can be cut off."""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime

from heliograph.bus.errors import BusError
from heliograph.bus.events import Event
from heliograph.bus.log import Recorded


class WatchedLog:
    """Keeps what is appended. ``hold`` makes ``append`` wait for ``release``; ``failure`` makes it raise."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.failure: BusError | None = None
        self.tries = 0
        self._open = threading.Event()
        self._open.set()
        self._changed = threading.Condition()

    def hold(self) -> None:
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def append(self, events: Sequence[Event]) -> None:
        self._open.wait()
        with self._changed:
            self.tries += 1
            if self.failure is not None:
                raise self.failure
            self.events.extend(events)
            self._changed.notify_all()

    def wait_for(self, found: Callable[[Event], bool], *, timeout_s: float = 120.0) -> Event:
        """The first event that fits, as soon as it is there."""
        with self._changed:
            assert self._changed.wait_for(lambda: any(found(event) for event in self.events), timeout_s)
            return next(event for event in self.events if found(event))

    def close(self) -> None:
        self._open.set()

    async def read(self, run: str, *, after: int | None = None) -> AsyncGenerator[Recorded, None]:
        for offset, event in enumerate(list(self.events)):
            if event.run == run and (after is None or offset > after):
                yield Recorded(offset=offset, event=event)

    async def read_all(
        self, *, after: int | None = None, since: datetime | None = None
    ) -> AsyncGenerator[Recorded, None]:
        for offset, event in enumerate(list(self.events)):
            if after is None or offset > after:
                yield Recorded(offset=offset, event=event)

    async def follow(self, run: str, *, since: datetime | None = None) -> AsyncGenerator[Recorded, None]:
        async for recorded in self.read(run):
            yield recorded

    @property
    def connected_since(self) -> float | None:
        return 0.0

    async def aclose(self) -> None:
        pass
