"""A run at one moment: what runs, what is still to come, what the tasks were told, which events are missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.bus.run_state import AttemptState, RunState
from heliograph.consumers.attempts import newest_begun
from heliograph.consumers.gaps import describe_gap
from heliograph.consumers.task_ends import TaskEnds
from heliograph.consumers.timeline import STYLES
from heliograph.consumers.verdict import End, one_line

_ROWS: Final = 40

END_STYLES: Final = {End.SUCCESS: "green", End.FAILED: "bold red", End.SKIPPED: "dim"}
"""How a task's end looks on a terminal."""


def print_snapshot(state: RunState, ends: TaskEnds, console: Console, *, events: int, moment: datetime | None) -> None:
    """Prints the run as it stands after so many events, at that moment of the producer's clock."""
    stamp = f", {moment.astimezone().isoformat(sep=' ', timespec='milliseconds')}" if moment is not None else ""
    console.print()
    console.print(f"Run {state.run} after {_count(events, 'event')}{stamp}", style="bold", markup=False, soft_wrap=True)
    attempt = newest_begun(state)
    if attempt is None:
        console.print("No attempt has begun.")
        return
    console.print(_attempt_line(attempt), soft_wrap=True)
    if missing := describe_gap(attempt):
        console.print(f"Missing events of this attempt: {missing}", style="bold red")
    _print_rows("Nodes", list(_nodes(attempt, moment)), console)
    _print_rows("Tasks", list(_tasks(ends)), console)


def _attempt_line(attempt: AttemptState) -> Text:
    line = Text(f"Attempt {attempt.attempt} is {attempt.phase}: ")
    counts = [Text(f"{count} {outcome}", style=STYLES[outcome]) for outcome, count in sorted(attempt.counts().items())]
    running = len(attempt.nodes_started.keys() - attempt.nodes_finished.keys())
    to_come = len(attempt.plan.keys() - attempt.nodes_started.keys() - attempt.nodes_finished.keys())
    rest = [Text(f"{running} running", style=STYLES[None]), Text(f"{to_come} to come")]
    return line + Text(", ").join([*counts, *rest])


def _nodes(attempt: AttemptState, moment: datetime | None) -> Iterator[tuple[Text, str, str]]:
    """What has not ended: what runs, then what waits in the plan's order."""
    for unique_id, started in attempt.nodes_started.items():
        if unique_id not in attempt.nodes_finished:
            begun = started.data.started_at or started.time
            since = f"for {max((moment - begun).total_seconds(), 0.0):.2f} s" if moment is not None else ""
            yield Text("running", style=STYLES[None]), unique_id, " ".join(filter(None, (since, started.data.thread)))
    for unique_id, node in attempt.plan.items():
        if unique_id not in attempt.nodes_started and unique_id not in attempt.nodes_finished:
            open_parents = [p for p in node.depends_on if p in attempt.plan and p not in attempt.nodes_finished]
            yield (
                Text("to come"),
                unique_id,
                f"behind {', '.join(open_parents)}" if open_parents else "its parents have ended",
            )


def _tasks(ends: TaskEnds) -> Iterator[tuple[Text, str, str]]:
    """What waits first: it is what one looks for."""
    for key in ends.undecided:
        yield Text("waits", style=STYLES[None]), task_name(*key), ""
    for key, verdict in ends.told.items():
        if key not in ends.undecided:
            yield Text(verdict.end, style=END_STYLES[verdict.end]), task_name(*key), one_line(verdict.reason)


def task_name(unique_id: str, tests: bool) -> str:
    """How a task is named where there is no Airflow."""
    return f"tests of {unique_id}" if tests else unique_id


def _print_rows(heading: str, found: list[tuple[Text, str, str]], console: Console) -> None:
    if not found:
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (heading, "", ""):
        table.add_column(name, overflow="fold")
    for state, name, more in found[:_ROWS]:
        table.add_row(state, Text(name), Text(more))
    console.print()
    console.print(table)
    if len(found) > _ROWS:
        console.print(f"and {len(found) - _ROWS} more", style="dim")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
