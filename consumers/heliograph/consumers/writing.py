"""Writing to the event log from an event loop: what consumers have to say, which is little."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay

from heliograph.bus.errors import BusUnavailable
from heliograph.bus.events import Event
from heliograph.bus.log import EventAppender
from heliograph.bus.patience import BACK_OFF, tell

_PATIENCE_S = 60.0


class Writer(Protocol):
    """Writes events without blocking the loop."""

    async def write(self, events: Sequence[Event]) -> None:
        """Returns when the log holds the events.

        Raises:
            BusUnavailable: it did not take them for a while.
            BusRefused, BusMissing: it never will without a change.
        """
        ...

    def close(self) -> None:
        """Ends writing. Idempotent."""
        ...


class ThreadWriter:
    """Writes through a log's blocking side, from one thread that exists once something is written."""

    def __init__(self, log: EventAppender) -> None:
        self._log = log
        self._thread: ThreadPoolExecutor | None = None

    async def write(self, events: Sequence[Event]) -> None:
        """See ``Writer.write``; tries again for a minute while the log does not answer."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="heliograph-writer")
        patiently = AsyncRetrying(
            retry=retry_if_exception_type(BusUnavailable),
            wait=BACK_OFF,
            stop=stop_after_delay(_PATIENCE_S),
            before_sleep=tell,
            reraise=True,
        )
        loop = asyncio.get_running_loop()
        async for attempt in patiently:
            with attempt:
                await loop.run_in_executor(self._thread, self._log.append, events)

    def close(self) -> None:
        """See ``Writer.close``."""
        if self._thread is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            self._thread = None
