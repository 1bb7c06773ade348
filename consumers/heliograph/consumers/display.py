"""How a run looks while it goes on: progress on a terminal, plain lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from heliograph.bus.events import (
    CancelRequested,
    Event,
    NodeFinished,
    NodeStarted,
    RetryRequested,
    RunAborted,
    RunFinished,
    RunLost,
    RunPlanned,
    RunStarted,
)
from heliograph.bus.payloads import MemoryPeak, Outcome
from heliograph.bus.run_state import AttemptState, RunState
from heliograph.consumers.timeline import STYLES
from heliograph.consumers.verdict import one_line

_RUNNING_SHOWN = 3


class Display(Protocol):
    """Shows events that are news; a context manager around the showing."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...

    def show(self, event: Event, state: RunState) -> None:
        """Shows the event; ``state`` has it folded in."""
        ...


class Lines:
    """One line for each event that people want to know of."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass

    def show(self, event: Event, state: RunState) -> None:  # noqa: ARG002  # part of the protocol
        """Prints the event's line, if it has one."""
        line = line_of(event)
        if line is not None:
            print_line(line, self._console)


class Bar:
    """A bar of the planned nodes and those that run; results and run-level events scroll above it."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("attempt {task.fields[attempt]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[running]}", markup=False),
            console=console,
        )
        self._tasks: dict[int, TaskID] = {}
        self._running: dict[int, dict[str, str]] = {}

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: Event, state: RunState) -> None:
        """Moves the bar, and prints the event's line above it, starts of nodes excepted."""
        if not isinstance(event, NodeStarted) and (line := line_of(event)) is not None:
            print_line(line, self._progress.console)
        attempt = state.attempts.get(event.attempt)
        if attempt is not None:
            self._move(attempt, self._still_running(event, attempt))

    def _still_running(self, event: Event, attempt: AttemptState) -> list[str]:
        running = self._running.setdefault(attempt.attempt, {})
        if isinstance(event, NodeStarted) and event.subject not in attempt.nodes_finished:
            running[event.subject] = event.data.name
        elif isinstance(event, NodeFinished):
            running.pop(event.subject, None)
        return [] if attempt.over else list(running.values())

    def _move(self, attempt: AttemptState, running: list[str]) -> None:
        if attempt.attempt not in self._tasks:
            self._tasks[attempt.attempt] = self._progress.add_task(
                "", total=None, attempt=attempt.attempt, running="waiting for dbt's plan"
            )
        if attempt.planned is None and not attempt.over:
            return
        names = ", ".join(running[:_RUNNING_SHOWN])
        more = len(running) - _RUNNING_SHOWN
        self._progress.update(
            self._tasks[attempt.attempt],
            total=len(attempt.plan) if attempt.planned is not None else 0,
            completed=len(attempt.nodes_finished),
            running=f"{names} and {more} more" if more > 0 else names,
        )


Line = list[tuple[str, str]]
"""Pieces of one line for people, each with its style."""


def print_line(line: Line, console: Console) -> None:
    """Prints the pieces as one line, however long."""
    if console.is_terminal:
        console.print(Text.assemble(*line), soft_wrap=True)
    else:
        # Rich takes a fraction of a millisecond for a line; a run of 100,000 events would take a minute.
        console.file.write("".join(text for text, _ in line) + "\n")


def line_of(event: Event) -> Line | None:
    """The event as one line for people, or None where there is nothing to tell."""
    told = _told(event)
    return [(f"{event.time.astimezone():%H:%M:%S}  ", "dim"), *told] if told is not None else None


def _told(event: Event) -> Line | None:
    if isinstance(event, NodeStarted):
        return [(f"start    {event.subject}", "dim")]
    if isinstance(event, NodeFinished):
        return _node(event)
    told = _run(event)
    return [(f"attempt {event.attempt} {told}", "bold")] if told is not None else None


def _node(event: NodeFinished) -> Line:
    data = event.data
    line = [(f"{data.outcome:<9}", STYLES[data.outcome]), (event.subject, "")]
    if data.execution_time_s is not None:
        line.append((f"  {data.execution_time_s:.2f} s", ""))
    if data.outcome is Outcome.SKIPPED and data.skip_reason is not None:
        causes = ", ".join(data.caused_by)
        line.append((f"  {data.skip_reason}: {causes}" if causes else f"  {data.skip_reason}", ""))
    elif data.message and data.outcome in (Outcome.ERROR, Outcome.FAIL, Outcome.WARN):
        line.append((f"  {one_line(data.message)}", ""))
    return line


def _memory(peak: MemoryPeak | None) -> str:
    return one_line(f"peak memory {peak.text}") if peak is not None else ""


def _run(event: Event) -> str | None:
    if isinstance(event, RunStarted):
        where = f"project {event.data.project}" + (f", target {event.data.target}" if event.data.target else "")
        return f"started: {where}" + (f", dbt {event.data.dbt_version}" if event.data.dbt_version else "")
    if isinstance(event, RunPlanned):
        return f"planned: {len(event.data.nodes)} nodes"
    if isinstance(event, RunFinished):
        counts = ", ".join(f"{count} {outcome}" for outcome, count in event.data.counts.items() if count)
        parts = [f"exit code {event.data.exit_code}", counts, _memory(event.data.memory_peak)]
        return "finished: " + ", ".join(part for part in (*parts, one_line(event.data.message)) if part)
    if isinstance(event, RunAborted):
        parts = [one_line(event.data.reason), _memory(event.data.memory_peak)]
        return "aborted: " + ", ".join(part for part in parts if part)
    if isinstance(event, RunLost):
        return f"lost: {one_line(event.data.reason)}"
    if isinstance(event, CancelRequested):
        return f"asked to cancel: {one_line(event.data.reason)}"
    if isinstance(event, RetryRequested):
        return f"asked to run again: {len(event.data.nodes)} nodes"
    return None
