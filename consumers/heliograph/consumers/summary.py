"""What is printed of a run when it has ended: its timeline, and how it ended."""

from __future__ import annotations

from typing import Final

from rich.console import Console

from heliograph.bus.run_state import RunState
from heliograph.consumers.run_end import RunEnd
from heliograph.consumers.timeline import longest, render, rows

_TIMELINE_ROWS: Final = 60


def print_timeline(state: RunState, console: Console) -> None:
    """The nodes' bars; the longest of them where they are many."""
    found = rows(state)
    shown = longest(found, _TIMELINE_ROWS)
    if not shown:
        return
    console.print()
    console.print(render(shown, width=max(20, min(60, console.width - 60))))
    if len(found) > len(shown):
        console.print(f"and {len(found) - len(shown)} shorter ones", style="dim")


def print_end(end: RunEnd | None, run: str, console: Console) -> None:
    """One sentence; None is a run that goes on."""
    console.print()
    if end is None:
        console.print(f"Run {run} goes on.", style="bold", markup=False)
        return
    reason = f": {end.reason}" if end.reason else ""
    style = "bold green" if end.exit_code == 0 else "bold red"
    console.print(f"Run {run}, attempt {end.attempt} {end.phase}{reason}", style=style, markup=False, soft_wrap=True)
