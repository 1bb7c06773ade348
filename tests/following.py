"""Reading an event log in tests, with a limit on waiting."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import datetime

from heliograph.bus.log import EventLog, Recorded

WAIT_S = 90.0
"""Enough for a broker that restarts on a busy machine; no test waits for it to pass."""


async def stored(log: EventLog, run: str, *, after: int | None = None) -> list[Recorded]:
    """What ``read`` gives."""
    async with asyncio.timeout(WAIT_S):
        return [recorded async for recorded in log.read(run, after=after)]


async def stored_of_all(log: EventLog, *, after: int | None = None, since: datetime | None = None) -> list[Recorded]:
    """What ``read_all`` gives."""
    async with asyncio.timeout(WAIT_S):
        return [recorded async for recorded in log.read_all(after=after, since=since)]


async def first(count: int, log: EventLog, run: str, *, since: datetime | None = None) -> list[Recorded]:
    """The first ``count`` events that ``follow`` gives."""
    async with aclosing(Follower(log, run, since=since)) as follower:
        return await follower.take(count)


async def until_connected(log: EventLog, *, wanted: bool = True) -> None:
    """Returns once the reading side is connected, or is not."""
    async with asyncio.timeout(WAIT_S):
        while (log.connected_since is not None) is not wanted:  # noqa: ASYNC110  # the port offers it as a property
            await asyncio.sleep(0.005)


class Follower:
    """One ``follow`` from which events are taken as the test needs them."""

    def __init__(self, log: EventLog, run: str, *, since: datetime | None = None) -> None:
        self._events = log.follow(run, since=since)

    async def take(self, count: int) -> list[Recorded]:
        """The next ``count`` events; waits for them."""
        taken: list[Recorded] = []
        async with asyncio.timeout(WAIT_S):
            while len(taken) < count:
                taken.append(await anext(self._events))
        return taken

    async def aclose(self) -> None:
        await self._events.aclose()
