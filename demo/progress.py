"""The demo's live progress: nodes from the bus, tasks from Airflow."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from heliograph.airflow.run_key import run_key
from heliograph.bus.events import Event, NodeFinished, RunPlanned
from heliograph.bus.log import EventLog
from heliograph.bus.open import open_log
from heliograph.bus.run_state import RunState
from local_servers.airflow_client import AirflowClient, DagRun

_RUN_LIMIT_S: Final = 300.0
_LAST_EVENTS_LIMIT_S: Final = 10.0
_TASK_ENDED: Final = frozenset({"success", "failed", "skipped", "upstream_failed"})


class _Display:
    """Two bars, and a line for each node that ended."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._nodes = progress.add_task("dbt nodes ended, from the bus", total=None)
        self._tasks = progress.add_task("Airflow tasks ended", total=None)

    def show_event(self, event: Event) -> None:
        if isinstance(event, RunPlanned):
            self._progress.update(self._nodes, total=len(event.data.nodes))
        elif isinstance(event, NodeFinished):
            self._progress.advance(self._nodes)
            took = f"{event.data.execution_time_s:5.2f} s" if event.data.execution_time_s is not None else " " * 7
            self._progress.console.print(f"  {event.data.outcome:8} {took}  {event.subject}")

    def show_tasks(self, ended: int, total: int) -> None:
        self._progress.update(self._tasks, completed=ended, total=total)


async def watch(console: Console, client: AirflowClient, run: DagRun, *, bus_url: str) -> tuple[RunState, DagRun]:
    """Shows the run until Airflow says that it ended; the state folded from the bus, and the ended run.

    Raises:
        TimeoutError: the run did not end in five minutes.
    """
    state = RunState(run=run_key(dag_id=run.dag_id, group_id=None, run_id=run.run_id))
    complete = asyncio.Event()
    log = open_log(bus_url)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=console) as progress:
            display = _Display(progress)
            async with asyncio.TaskGroup() as group:
                following = group.create_task(_follow(log, state, display, complete))
                ended = await _wait_for_end(client, run, display)
                # A run that failed may have none; what is missing shows in the figures.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(complete.wait(), _LAST_EVENTS_LIMIT_S)
                following.cancel()
    except ExceptionGroup as errors:
        # A group holds every error of the two tasks; the first one ended the other.
        raise errors.exceptions[0] from None
    finally:
        await log.aclose()
    return state, ended


async def _follow(log: EventLog, state: RunState, display: _Display, complete: asyncio.Event) -> None:
    async for recorded in log.follow(state.run):
        if state.apply(recorded.event):
            display.show_event(recorded.event)
        if state.latest is not None and state.latest.complete:
            complete.set()


async def _wait_for_end(client: AirflowClient, run: DagRun, display: _Display) -> DagRun:
    async with asyncio.timeout(_RUN_LIMIT_S):
        while True:
            now = await asyncio.to_thread(client.dag_run, run.dag_id, run.run_id)
            tasks = await asyncio.to_thread(client.task_instances, run)
            display.show_tasks(sum(task.state in _TASK_ENDED for task in tasks), len(tasks))
            if now.ended:
                return now
            await asyncio.sleep(0.5)
