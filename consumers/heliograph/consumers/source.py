"""Where the events of one recorded run come from: the event log, or the file of a recording."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from heliograph.bus.events import Event
from heliograph.bus.log import EventLog
from heliograph.bus.open import open_log
from heliograph.consumers.catalogue import unknown_run
from heliograph.consumers.recording import open_recording


@dataclass(frozen=True, kw_only=True, slots=True)
class RecordedRun:
    """A run's key and its events in log order, to be read once."""

    run: str
    events: AsyncGenerator[Event, None]


@asynccontextmanager
async def from_log(log: EventLog, run: str) -> AsyncIterator[RecordedRun]:
    """What the log holds now of the run.

    Raises (while events are read):
        UnknownRun: it holds none.
        BusError: it cannot be read.
    """
    async with aclosing(_stored(log, run)) as events:
        yield RecordedRun(run=run, events=events)


@asynccontextmanager
async def from_bus(url: str, run: str) -> AsyncIterator[RecordedRun]:
    """As ``from_log``, by the bus's URL."""
    log = open_log(url)
    try:
        async with from_log(log, run) as recorded:
            yield recorded
    finally:
        await log.aclose()


@asynccontextmanager
async def from_file(name: str) -> AsyncIterator[RecordedRun]:
    """The run in a recording.

    Raises:
        HeliographError: as ``open_recording`` and ``Recording.events``.
    """
    with open_recording(name) as recording:

        async def events() -> AsyncGenerator[Event, None]:
            for event in recording.events():
                yield event

        async with aclosing(events()) as read:
            yield RecordedRun(run=recording.header.run, events=read)


async def _stored(log: EventLog, run: str) -> AsyncGenerator[Event, None]:
    found = False
    async with aclosing(log.read(run)) as stored:
        async for recorded in stored:
            found = True
            yield recorded.event
    if not found:
        raise await unknown_run(log, run)
