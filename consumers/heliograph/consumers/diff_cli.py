"""``heliograph diff``: what differs between two runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer

from heliograph.bus.options import BusUrlOrOwn
from heliograph.bus.run_state import RunState
from heliograph.consumers.diff import RunDiff, compare
from heliograph.consumers.diff_report import as_json as plain
from heliograph.consumers.diff_report import print_diff
from heliograph.consumers.recording_file import STDIO
from heliograph.consumers.screen import screen
from heliograph.consumers.source import from_bus, from_file


def diff(
    left: Annotated[str, typer.Argument(metavar="LEFT", help="A run's key, or a file of heliograph export.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="The run to compare with, given likewise.")],
    bus: BusUrlOrOwn,
    threshold_s: Annotated[
        float, typer.Option("--threshold", metavar="SECONDS", min=0.0, help="Smaller changes of duration are left out.")
    ] = 1.0,
    sql: Annotated[bool, typer.Option("--sql", help="Print how compiled SQL changed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Compare two runs: their nodes, outcomes, durations, plans, compiled SQL and messages.

    Exit code 0: the same nodes with the same outcomes; 1: nodes or outcomes differ; 2: a run cannot be read.
    """
    found = asyncio.run(_compared(left, right, bus, threshold_s))
    if as_json:
        typer.echo(json.dumps(plain(found), indent=2))
    else:
        print_diff(found, screen(), sql=sql)
    raise typer.Exit(0 if found.same_outcomes else 1)


async def _compared(left: str, right: str, bus: str, threshold_s: float) -> RunDiff:
    # Compared in here, as asyncio.run() turns what it returns into text (seen in Python 3.11):
    # seconds for a large state.
    return compare(await _state(left, bus), await _state(right, bus), threshold_s=threshold_s)


async def _state(named: str, bus: str) -> RunState:
    source = from_file(named) if _names_file(named) else from_bus(bus, named)
    async with source as recorded:
        state = RunState(run=recorded.run)
        async for event in recorded.events:
            state.apply(event)
    return state


def _names_file(named: str) -> bool:
    path = Path(named)
    return named == STDIO or path.suffix in (".gz", ".jsonl") or path.is_file()
