"""Plays a recorded run again, through the fold and the display of a live one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Console

from heliograph.bus.run_state import RunState
from heliograph.consumers import until
from heliograph.consumers.attempts import newest_begun
from heliograph.consumers.display import Bar, Display, Line, Lines, print_line
from heliograph.consumers.pace import Pace
from heliograph.consumers.run_end import RunEnd, end_of
from heliograph.consumers.snapshot import END_STYLES, print_snapshot, task_name
from heliograph.consumers.source import RecordedRun
from heliograph.consumers.summary import print_end, print_timeline
from heliograph.consumers.task_ends import TaskEnds, Told
from heliograph.consumers.verdict import one_line

DEFAULT_SPEED: Final = 10.0


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplayOptions:
    """How a run is played.

    Attributes:
        speed: how many times as fast as it was; None as fast as it can be read.
        until: where to stop, see ``until.parse``; None plays the whole run.
        decisions: also print what each task is told.
    """

    speed: float | None = DEFAULT_SPEED
    until: str | None = None
    decisions: bool = False


async def replay(recorded: RecordedRun, *, console: Console, options: ReplayOptions) -> RunEnd | None:
    """Plays the run; its end, or None where it goes on or was stopped before.

    Raises:
        NotReached: the run has no such place to stop at.
        HeliographError: the events cannot be read.
    """
    player = _Player(recorded, console=console, options=options)
    await player.play()
    if options.until is not None:
        print_snapshot(player.state, player.ends, console, events=player.count, moment=player.moment)
        return None
    print_timeline(player.state, console)
    newest = newest_begun(player.state)
    end = end_of(newest) if newest is not None else None
    print_end(end, recorded.run, console)
    return end


class _Player:
    def __init__(self, recorded: RecordedRun, *, console: Console, options: ReplayOptions) -> None:
        self.state = RunState(run=recorded.run)
        self.ends = TaskEnds(self.state)
        self.count = 0
        self.moment: datetime | None = None
        self._recorded = recorded
        self._console = console
        self._options = options

    async def play(self) -> None:
        stop = until.parse(self._options.until) if self._options.until is not None else None
        pace = Pace(self._options.speed)
        # What never waits is over before a bar is seen.
        live = self._console.is_terminal and self._options.speed is not None
        display: Display = Bar(self._console) if live else Lines(self._console)
        with display:
            async for event in self._recorded.events:
                if stop is not None and stop.before(event):
                    return
                await pace.wait_for(event.time)
                self.count += 1
                self.moment = event.time
                if self.state.apply(event):
                    display.show(event, self.state)
                    self._tell(self.ends.take(event))
                if stop is not None and stop.after(event):
                    return
        if self._options.until is not None and stop is not None and stop.must_be_reached:
            raise until.not_reached(self._options.until, self.state)

    def _tell(self, told: list[Told]) -> None:
        if not self._options.decisions:
            return
        for task in told:
            print_line(_line(task), self._console)


def _line(told: Told) -> Line:
    end, name = told.verdict.end, task_name(told.unique_id, told.tests)
    return [(f"          task {name}: ", ""), (end, END_STYLES[end]), (f"  {one_line(told.verdict.reason)}", "")]
