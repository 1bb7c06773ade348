"""When each node ran, for how long and on which thread: the run state as rows, and the rows as text bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.table import Table
from rich.text import Text

from heliograph.bus.events import NodeFinished, NodeStarted
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import AttemptState, RunState

STYLES: Final[dict[Outcome | None, str]] = {
    Outcome.SUCCESS: "green",
    Outcome.WARN: "yellow",
    Outcome.ERROR: "bold red",
    Outcome.FAIL: "bold red",
    Outcome.SKIPPED: "dim",
    Outcome.CANCELLED: "magenta",
    Outcome.NO_OP: "dim",
    None: "blue",
}
"""How an outcome looks on a terminal; None is a node that still runs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One node in one attempt.

    Attributes:
        attempt: the attempt.
        unique_id: dbt's unique id.
        name: dbt's name.
        start: when dbt began with it, by the producer's clock.
        duration_s: how long dbt took; None while it runs.
        outcome: how it ended; None while it runs.
        thread: dbt's thread.
    """

    attempt: int
    unique_id: str
    name: str
    start: datetime
    duration_s: float | None
    outcome: Outcome | None
    thread: str | None


def rows(state: RunState) -> list[Row]:
    """All nodes that started or ended, by attempt and start."""
    found = [
        _row(attempt, unique_id)
        for attempt in state.attempts.values()
        for unique_id in attempt.nodes_started.keys() | attempt.nodes_finished.keys()
    ]
    return sorted(found, key=lambda row: (row.attempt, row.start, row.unique_id))


def longest(found: Sequence[Row], most: int) -> list[Row]:
    """At most ``most`` rows, those of the longest durations, in the order they had."""
    kept = sorted(found, key=lambda row: row.duration_s or 0.0, reverse=True)[:most]
    chosen = {(row.attempt, row.unique_id) for row in kept}
    return [row for row in found if (row.attempt, row.unique_id) in chosen]


def render(found: Sequence[Row], *, width: int = 50) -> Table:
    """A table with a bar of at most ``width`` characters for each row; its scale is the whole of the rows."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("node", "outcome", "thread"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    table.add_column("seconds", justify="right")
    table.add_column("timeline", no_wrap=True)
    many = len({row.attempt for row in found}) > 1
    begin = min((row.start for row in found), default=None)
    span = max(((_end(row) - begin).total_seconds() for row in found), default=0.0) if begin else 0.0
    for row in found:
        offset = (row.start - begin).total_seconds() if begin else 0.0
        table.add_row(
            Text(f"{row.name} (attempt {row.attempt})" if many else row.name),
            Text(row.outcome or "running", style=STYLES[row.outcome]),
            Text(row.thread or ""),
            "" if row.duration_s is None else f"{row.duration_s:.2f}",
            _bar(offset=offset, length=row.duration_s, span=span, width=width, style=STYLES[row.outcome]),
        )
    return table


def _row(attempt: AttemptState, unique_id: str) -> Row:
    started, finished = attempt.nodes_started.get(unique_id), attempt.nodes_finished.get(unique_id)
    known = finished or started
    assert known is not None  # noqa: S101  # the caller took the id from one of the two
    start = _start(started, finished)
    return Row(
        attempt=attempt.attempt,
        unique_id=unique_id,
        name=known.data.name,
        start=start,
        duration_s=_duration(start, started, finished),
        outcome=finished.data.outcome if finished is not None else None,
        thread=known.data.thread,
    )


def _start(started: NodeStarted | None, finished: NodeFinished | None) -> datetime:
    if started is not None:
        return started.data.started_at or started.time
    assert finished is not None  # noqa: S101  # as above
    phase = finished.data.compile or finished.data.execute
    return phase.started_at if phase is not None else finished.time


def _duration(start: datetime, started: NodeStarted | None, finished: NodeFinished | None) -> float | None:
    if finished is None:
        return None
    if finished.data.execution_time_s is not None:
        return finished.data.execution_time_s
    if finished.data.execute is not None:
        return max((finished.data.execute.completed_at - start).total_seconds(), 0.0)
    # Without a start it never ran: dbt skipped it.
    return max((finished.time - start).total_seconds(), 0.0) if started is not None else 0.0


def _end(row: Row) -> datetime:
    return row.start + timedelta(seconds=row.duration_s or 0.0)


def _bar(*, offset: float, length: float | None, span: float, width: int, style: str) -> Text:
    scale = width / span if span > 0 else 0.0
    before = min(round(offset * scale), width - 1)
    drawn = min(max(round((length or 0.0) * scale), 1), width - before)
    return Text(" " * before + ("━" if length else "·") * drawn, style=style)
