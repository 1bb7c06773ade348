"""Prints a run while it goes on, and its timeline at the end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

from heliograph.bus.errors import BusUnavailable, HeliographError
from heliograph.bus.events import Event
from heliograph.bus.log import EventLog
from heliograph.bus.run_state import RunState
from heliograph.consumers.attempts import newest_begun
from heliograph.consumers.catalogue import unknown_run
from heliograph.consumers.display import Bar, Display, Lines
from heliograph.consumers.run_end import RunEnd, RunOver, end_of
from heliograph.consumers.run_follower import RunFollower
from heliograph.consumers.summary import print_end, print_timeline
from heliograph.consumers.timing import Timing
from heliograph.consumers.watch import Watch

_CONNECT_LIMIT_S = 15.0


class TailTimeout(HeliographError):
    """The run did not end in time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TailOptions:
    """What to print and how long.

    Attributes:
        since: a moment before the run began; None reads the log from its beginning.
        follow: wait for the run's end; else print what the log holds now.
        timeout_s: how long to wait for the end; None waits as long as it takes.
    """

    since: datetime | None = None
    follow: bool = True
    timeout_s: float | None = None


async def tail(
    log: EventLog,
    run: str,
    *,
    console: Console,
    options: TailOptions,
    clock: Callable[[], float] = time.monotonic,
) -> RunEnd | None:
    """Prints the run; its end, or None where it was not followed and goes on.

    Raises:
        UnknownRun: there was nothing to print, and following was not asked for.
        TailTimeout: the run did not end in time.
        BusError: the log cannot be read.
    """
    end: RunEnd | None
    display: Display = Bar(console) if console.is_terminal else Lines(console)
    with display:
        if options.follow:
            state, end = await _followed(log, run, show=display.show, options=options, clock=clock)
        else:
            state = await _read(log, run, show=display.show)
            newest = newest_begun(state)
            end = end_of(newest) if newest is not None else None
    print_timeline(state, console)
    print_end(end, run, console)
    return end


async def _followed(
    log: EventLog,
    run: str,
    *,
    show: Callable[[Event, RunState], None],
    options: TailOptions,
    clock: Callable[[], float],
) -> tuple[RunState, RunEnd]:
    follower = RunFollower(run, log, timing=Timing(), clock=clock, tell=show)
    follower.start(Watch(follower).keep())
    answer = asyncio.ensure_future(follower.wait(RunOver(), since=options.since, producer_check=None))
    try:
        async with _time_limit(options.timeout_s, run):
            await _connected(log, answer)
            return follower.state, await answer
    finally:
        answer.cancel()
        follower.end(BusUnavailable("The run is no longer followed"))
        await follower.ended_fully()


async def _connected(log: EventLog, answer: asyncio.Future[RunEnd]) -> None:
    """Returns once the log is there. Left alone it would try without end, and look like a hang to a person."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_CONNECT_LIMIT_S):
            while log.connected_since is None and not answer.done():  # noqa: ASYNC110  # the port tells it by no event
                await asyncio.sleep(0.05)
            return
    raise BusUnavailable(
        f"The event log did not answer for {_CONNECT_LIMIT_S:g} s",
        setting="--bus",
        fix="check that the bus runs and that the URL names its host and port",
    )


@contextlib.asynccontextmanager
async def _time_limit(timeout_s: float | None, run: str) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(timeout_s):
            yield
    except TimeoutError:
        raise TailTimeout(
            f"Run {run} did not end within {timeout_s:g} s",
            setting="--timeout",
            fix="give more seconds, or leave the option out to wait for the end",
        ) from None


async def _read(log: EventLog, run: str, *, show: Callable[[Event, RunState], None]) -> RunState:
    state = RunState(run=run)
    async for recorded in log.read(run):
        if state.apply(recorded.event):
            show(recorded.event, state)
    if not state.attempts and not state.retries:
        raise await unknown_run(log, run)
    return state
