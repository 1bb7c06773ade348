"""One run, followed once for all who wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import TypeVar

from heliograph.bus.errors import BusError, BusUnavailable
from heliograph.bus.events import (
    Event,
    NodeFinished,
    NodeStarted,
    RunHeartbeat,
    RunLost,
    outside_event_id,
)
from heliograph.bus.log import EventLog
from heliograph.bus.payloads import RunLostData
from heliograph.bus.run_state import RunState
from heliograph.consumers.attempts import begun
from heliograph.consumers.gaps import has_gap
from heliograph.consumers.liveness import Liveness
from heliograph.consumers.timing import Timing
from heliograph.consumers.waiting import ProducerCheck, Waiter, Waiting, WaitingRoom

T = TypeVar("T")

# Events folded or waiters asked before the loop's other tasks get their turn: some milliseconds of work.
TURN = 100

_log = logging.getLogger(__name__)


class RunFollower:
    """Folds one run's events and wakes those who wait; ends when it is closed or when the log raises.

    ``write`` puts what is found here into the log, None where that is not wanted; ``tell`` is given each event that is
    news, with the state it was folded into.
    """

    def __init__(
        self,
        run: str,
        log: EventLog,
        *,
        timing: Timing,
        clock: Callable[[], float],
        write: Callable[[Event], Awaitable[None]] | None = None,
        tell: Callable[[Event, RunState], None] | None = None,
    ) -> None:
        self.run = run
        self.log = log
        self.timing = timing
        self.clock = clock
        self.state = RunState(run=run)
        self.room = WaitingRoom()
        self.folded_at = clock()
        self.liveness = Liveness(listening_since=self.folded_at)
        self.settled = False
        self.changed = asyncio.Event()
        self.ended = False
        self._since: datetime | None = None
        self._following: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._write = write
        self._tell = tell
        self._work = 0

    async def wait(self, waiter: Waiter[T], *, since: datetime | None, producer_check: ProducerCheck | None) -> T:
        """The waiter's answer, as soon as there is one.

        Raises: whatever ended the following.
        """
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        waiting = Waiting(waiter=waiter, answer=answer, producer_check=producer_check)
        try:
            self._follow_from(since)
            if not (self.settled and waiting.decide(self.state)):
                self.room.enter(waiting, self.state)
                self.changed.set()
            return await answer
        finally:
            self.room.leave(waiting)

    async def take(self, event: Event) -> None:
        """Folds the event in and wakes whom it concerns."""
        known = self.state.attempts.get(event.attempt)
        was_complete = known is not None and known.complete
        was_lost = known is not None and known.loss is not None
        if self.state.apply(event):
            self.folded_at = self.clock()
            self.liveness.hear(event, self.folded_at)
            if self._tell is not None:
                self._tell(event, self.state)
            attempt = self.state.attempts.get(event.attempt)
            turned = attempt is not None and (
                attempt.complete is not was_complete or (attempt.loss is not None) is not was_lost
            )
            await self._wake(event, turned=turned)
        await self._give_turn()

    async def settle(self) -> None:
        """From now on waiters are asked: the log's past was read."""
        self.settled = True
        await self._wake_everyone()

    async def reread(self) -> None:
        """Folds in what the log holds now, beside the following."""
        async for recorded in self.log.read(self.run):
            await self.take(recorded.event)

    async def lose(self, attempt: int, reason: str) -> None:
        """Takes the attempt for lost, and tells the log of one that had begun.

        The loss of an attempt that never began is told to those who wait now, and holds no longer: the producer may
        be started again, and then begins that very attempt.
        """
        noticed_by = f"{socket.gethostname()}/{os.getpid()}"
        _log.warning("Run %s, attempt %d is lost: %s", self.run, attempt, reason)
        known = self.state.attempts.get(attempt)
        # What the producer says later refutes the loss; missing events that were given up are given up for good.
        heard_up_to = None if known is None or has_gap(known) else known.sequences.highest
        event = RunLost(
            id=outside_event_id(run=self.run, attempt=attempt, what="run.lost", key=noticed_by),
            source="/heliograph/hub",
            run=self.run,
            attempt=attempt,
            sequence=0,
            data=RunLostData(reason=reason, noticed_by=noticed_by, heard_up_to=heard_up_to),
        )
        await self.take(event)
        lost = self.state.attempts[attempt]
        if begun(lost):
            if self._write is not None:
                self.start(self._tell_loss(event, self._write))
        elif lost.lost is event:
            lost.lost = None

    def end(self, error: Exception) -> None:
        """Stops, and raises ``error`` from everyone who still waits. Idempotent."""
        self.ended = True
        for waiting in self.room.everyone():
            if not waiting.answer.done():
                waiting.answer.set_exception(error)
        for task in self._tasks:
            task.cancel()

    async def ended_fully(self) -> None:
        """Returns when nothing of this follower runs any more."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def start(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Runs ``work`` until the follower ends; an error in it ends the follower."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._stopped)
        return task

    def _follow_from(self, since: datetime | None) -> None:
        if self._following is not None:
            if self._since is None or (since is not None and since >= self._since):
                return
            self._following.cancel()
        # Folding again what was folded is harmless: the state depends on the set of events.
        self._since = since
        self.liveness.listening_since = self.clock()
        self.settled = False
        self._following = self.start(self._follow())

    def _stopped(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self.end(error)

    async def _follow(self) -> None:
        async with contextlib.aclosing(self.log.follow(self.run, since=self._since)) as events:
            async for recorded in events:
                await self.take(recorded.event)
        raise BusUnavailable(f"The event log stopped sending events of run {self.run}")

    async def _wake(self, event: Event, *, turned: bool) -> None:
        """``turned``: with this event the attempt became complete, lost, or no longer lost."""
        if isinstance(event, RunHeartbeat) and not turned:
            return
        if isinstance(event, (NodeStarted, NodeFinished)) and not turned:
            if self.settled:
                for waiting in self.room.about(event.subject):
                    waiting.decide(self.state)
                    await self._give_turn()
            return
        self.changed.set()
        await self._wake_everyone()

    async def _wake_everyone(self) -> None:
        if not self.settled:
            return
        for waiting in self.room.everyone():
            if not waiting.decide(self.state):
                self.room.ask_subjects(waiting, self.state)
            await self._give_turn()

    async def _tell_loss(self, event: RunLost, write: Callable[[Event], Awaitable[None]]) -> None:
        try:
            await write(event)
        except BusError as error:
            _log.warning("Run %s: the loss of attempt %d stays untold in the log. %s", self.run, event.attempt, error)

    async def _give_turn(self) -> None:
        self._work += 1
        if self._work % TURN == 0:
            await asyncio.sleep(0)
