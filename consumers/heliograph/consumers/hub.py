"""The hub: one process's view of the event log, for any number of waiting tasks.

Each run is followed once, whoever waits for it. Memory is bounded by the runs someone waits for, or waited for
until just now.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from heliograph.bus.errors import BusUnavailable
from heliograph.bus.events import Event
from heliograph.bus.log import EventLog
from heliograph.consumers.run_follower import RunFollower
from heliograph.consumers.timing import Timing
from heliograph.consumers.waiting import ProducerCheck, Waiter
from heliograph.consumers.watch import Watch
from heliograph.consumers.writing import ThreadWriter, Writer

__all__ = ["Hub", "ProducerCheck", "Waiter"]

T = TypeVar("T")


class Hub:
    """Answers questions about runs from their events, as soon as the events allow it.

    Belongs to one event loop, and owns the reading side of ``log``.

    Args:
        log: where the events come from.
        lease_check_interval_s: seconds between two questions whether a silent producer is known to be gone.
        grace_s: seconds for which a run is still followed after its last waiter left.
        settle_s: seconds of silence after which a run's past is taken as read, and answers are given.
        gap_limit_s: seconds after which events that a producer numbered and nobody received are given up.
        clock: monotonic seconds, of the same clock as ``log.connected_since``.
        writer: how the hub writes to the log; None for a thread of its own.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        lease_check_interval_s: float = 5.0,
        grace_s: float = 60.0,
        settle_s: float = 0.3,
        gap_limit_s: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        writer: Writer | None = None,
    ) -> None:
        self._log = log
        self._writer = writer if writer is not None else ThreadWriter(log)
        self._clock = clock
        self._timing = Timing(
            lease_check_interval_s=lease_check_interval_s,
            grace_s=grace_s,
            settle_s=settle_s,
            gap_limit_s=gap_limit_s,
        )
        self._followers: dict[str, RunFollower] = {}
        self._graces: dict[str, asyncio.TimerHandle] = {}

    @property
    def runs(self) -> int:
        """How many runs are followed, those in their grace included."""
        return len(self._followers)

    @property
    def waiters(self) -> int:
        """How many questions are open."""
        return sum(len(follower.room) for follower in self._followers.values())

    async def wait(
        self,
        run: str,
        waiter: Waiter[T],
        *,
        since: datetime | None = None,
        producer_check: ProducerCheck | None = None,
    ) -> T:
        """The waiter's answer, as soon as the run's events allow one. Cancelling leaves no trace.

        Args:
            run: the run's key.
            waiter: the question.
            since: a moment before the run began; None reads the log from its beginning.
            producer_check: asked when the producer is silent: one that is to be started again is waited for. Without
                one, silence for the length of its lease ends the attempt.

        Raises:
            BusRefused, BusMissing: the log cannot be read without a change.
            NewerEventVersion: the run holds an event this version cannot understand.
        """
        follower = self._follower(run)
        try:
            return await follower.wait(waiter, since=since, producer_check=producer_check)
        finally:
            if not follower.room:
                self._let_go(follower)

    async def write(self, event: Event) -> None:
        """Returns when the log holds the event.

        Raises:
            BusUnavailable: the log did not take it for a while.
            BusRefused, BusMissing: it never will without a change.
        """
        await self._writer.write([event])

    async def aclose(self) -> None:
        """Ends every following and closes the log's reading side; open questions raise BusUnavailable. Idempotent."""
        followers = list(self._followers.values())
        for follower in followers:
            follower.end(BusUnavailable("The hub was closed"))
        for follower in followers:
            await follower.ended_fully()
            self._drop(follower)
        self._writer.close()
        await self._log.aclose()

    def _follower(self, run: str) -> RunFollower:
        if (grace := self._graces.pop(run, None)) is not None:
            grace.cancel()
        follower = self._followers.get(run)
        if follower is None or follower.ended:
            follower = self._followers[run] = RunFollower(
                run, self._log, timing=self._timing, clock=self._clock, write=self.write
            )
            follower.start(Watch(follower).keep())
        return follower

    def _let_go(self, follower: RunFollower) -> None:
        if self._followers.get(follower.run) is not follower:
            return
        if follower.ended:
            self._drop(follower)
            return
        if (grace := self._graces.pop(follower.run, None)) is not None:
            grace.cancel()
        loop = asyncio.get_running_loop()
        self._graces[follower.run] = loop.call_later(self._timing.grace_s, self._drop, follower)

    def _drop(self, follower: RunFollower) -> None:
        follower.end(BusUnavailable("The run is no longer followed"))
        if self._followers.get(follower.run) is follower:
            del self._followers[follower.run]
            if (grace := self._graces.pop(follower.run, None)) is not None:
                grace.cancel()
