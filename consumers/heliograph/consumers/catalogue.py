"""Which runs an event log holds, and how each of them stands."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from heliograph.bus.errors import HeliographError
from heliograph.bus.events import Event, NodeFinished, RunPlanned
from heliograph.bus.log import EventLog
from heliograph.bus.payloads import NodeFinishedData, Outcome, RunPlannedData
from heliograph.bus.run_state import AttemptState, RunState
from heliograph.consumers.attempts import begun, newest_begun
from heliograph.consumers.run_end import end_of

_NAMED: Final = 3
_LEASE_S: Final = 30.0  # of an attempt whose first event is missing


class UnknownRun(HeliographError):
    """The log holds no event of the run."""


class Standing(StrEnum):
    """How a run stands, by its newest attempt."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    ABORTED = "aborted"
    LOST = "lost"


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """One run of the log.

    Attributes:
        run: its key.
        standing: how it stands; ``failed`` is a run that dbt ended with nodes that failed, or without doing its work.
        attempts: how many attempts began.
        nodes: how many nodes ended in each way, each by its newest report.
        started_at: when the first attempt began, by the producer's clock.
        duration_s: seconds that its attempts took together, until ``now`` where one goes on.
        started_by: who started the newest attempt, or else the machine it ran on.
    """

    run: str
    standing: Standing
    attempts: int
    nodes: Mapping[Outcome, int]
    started_at: datetime
    duration_s: float
    started_by: str | None


class RunOnRecord:
    """One run as it is folded for the catalogue, and when each attempt was first and last heard of."""

    def __init__(self, run: str) -> None:
        self.state = RunState(run=run)
        self._heard: dict[int, tuple[datetime, datetime]] = {}

    def take(self, event: Event) -> None:
        """Folds the event in, without the parts that are long and not asked for."""
        self.state.apply(_light(event))
        if event.counted:
            first, last = self._heard.get(event.attempt, (event.time, event.time))
            self._heard[event.attempt] = (min(first, event.time), max(last, event.time))

    def summary(self, *, now: datetime) -> RunSummary | None:
        """How the run stands; None where no attempt of it began."""
        newest = newest_begun(self.state)
        if newest is None:
            return None
        attempts = [attempt for attempt in self.state.attempts.values() if begun(attempt)]
        return RunSummary(
            run=self.state.run,
            standing=self._standing(newest, now=now),
            attempts=len(attempts),
            nodes=self._nodes(),
            started_at=min(first for first, _ in self._heard.values()),
            duration_s=sum(self._took_s(attempt, now=now) for attempt in attempts),
            started_by=_started_by(newest),
        )

    def began_since(self, moment: datetime) -> bool:
        """The run's very first event is there, and is not older."""
        first = self.state.attempts.get(1)
        return first is not None and first.sequences.contiguous > 0 and self._heard[1][0] >= moment

    def _standing(self, newest: AttemptState, *, now: datetime) -> Standing:
        end = end_of(newest)
        if end is None:
            return Standing.LOST if self._silent(newest, now=now) else Standing.RUNNING
        if newest.finished is not None:
            return Standing.FINISHED if end.exit_code == 0 else Standing.FAILED
        return Standing.ABORTED if newest.aborted is not None else Standing.LOST

    def _silent(self, attempt: AttemptState, *, now: datetime) -> bool:
        """Nothing was heard for longer than the lease; by the clocks, as a list is for people."""
        lease_s = attempt.started.data.lease_s if attempt.started is not None else _LEASE_S
        return now - self._heard[attempt.attempt][1] > timedelta(seconds=lease_s)

    def _took_s(self, attempt: AttemptState, *, now: datetime) -> float:
        first, last = self._heard[attempt.attempt]
        if self._standing(attempt, now=now) is Standing.RUNNING:
            last = max(last, now)
        return (last - first).total_seconds()

    def _nodes(self) -> dict[Outcome, int]:
        newest: dict[str, Outcome] = {}
        for number in sorted(n for n in self.state.attempts if n >= self.state.counting_from):
            finished = self.state.attempts[number].nodes_finished
            newest |= {unique_id: event.data.outcome for unique_id, event in finished.items()}
        counts: dict[Outcome, int] = {}
        for outcome in newest.values():
            counts[outcome] = counts.get(outcome, 0) + 1
        return counts


async def runs(log: EventLog, *, now: datetime, since: datetime | None = None) -> list[RunSummary]:
    """The runs that the log holds, the newest first; ``since``: only those that began then or later.

    Raises:
        BusError: the log cannot be read.
    """
    found: dict[str, RunOnRecord] = {}
    async with aclosing(log.read_all(since=since)) as stored:
        async for recorded in stored:
            run = recorded.event.run
            if run not in found:
                found[run] = RunOnRecord(run)
            found[run].take(recorded.event)
    began = (run for run in found.values() if since is None or run.began_since(since))
    summaries = (summary for run in began if (summary := run.summary(now=now)) is not None)
    return sorted(summaries, key=lambda summary: (summary.started_at, summary.run), reverse=True)


async def unknown_run(log: EventLog, run: str) -> UnknownRun:
    """The error that names the runs which the log does hold: those of a like name, and the newest.

    Raises:
        BusError: the log cannot be read.
    """
    keys: dict[str, None] = {}
    async with aclosing(log.read_all()) as stored:
        async for recorded in stored:
            keys.pop(recorded.event.run, None)
            keys[recorded.event.run] = None
    near = difflib.get_close_matches(run, keys, n=_NAMED, cutoff=0.6)
    newest = [key for key in reversed(keys) if key not in near][:_NAMED]
    parts = [f"did you mean {_quoted(near)}" if near else "", f"the newest are {_quoted(newest)}" if newest else ""]
    known = "; ".join(part for part in parts if part) or "it holds no run at all: is it the right --bus"
    return UnknownRun(
        f"The event log holds no event of run {run!r}",
        setting="RUN",
        fix=f"give the key of a run as heliograph runs lists it: {known}",
    )


def _quoted(keys: Iterable[str]) -> str:
    return ", ".join(repr(key) for key in keys)


def _started_by(attempt: AttemptState) -> str | None:
    if attempt.started is None:
        return None
    return attempt.started.data.started_by or attempt.started.data.producer_host


def _light(event: Event) -> Event:
    """The event without what makes a long log large in memory."""
    if isinstance(event, RunPlanned):
        return event.model_copy(update={"data": RunPlannedData(nodes=())})
    if not isinstance(event, NodeFinished):
        return event
    data = event.data
    kept = NodeFinishedData(outcome=data.outcome, resource_type=data.resource_type, name=data.name)
    return event.model_copy(update={"data": kept})
