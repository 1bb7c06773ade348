"""``heliograph export``: one run of an event log as a file."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from heliograph.bus.options import BusUrlOrOwn
from heliograph.consumers.recording import Header, write_recording
from heliograph.consumers.recording_file import STDIO
from heliograph.consumers.source import from_bus


def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's key, as heliograph runs lists it.")],
    bus: BusUrlOrOwn,
    out: Annotated[
        str, typer.Option(metavar="FILE", help="The file; packed where it ends in .gz; - is standard output.")
    ] = STDIO,
) -> None:
    """Write a run to a file that replay and diff read without the event log.

    The file holds JSON Lines: a header, then the run's events in the log's order.
    """
    header = asyncio.run(_export(run, bus, out))
    if out != STDIO:
        typer.echo(f"{header.events} events of run {run} are in {out}")


async def _export(run: str, bus: str, out: str) -> Header:
    async with from_bus(bus, run) as recorded:
        return await write_recording(run, recorded.events, out=out)
