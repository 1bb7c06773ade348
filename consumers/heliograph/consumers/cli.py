"""The sub-commands of ``heliograph`` that read the event log."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer

from heliograph.bus.open import open_log
from heliograph.bus.options import BusUrlOrOwn
from heliograph.consumers.run_end import RunEnd
from heliograph.consumers.screen import screen
from heliograph.consumers.tail import TailOptions
from heliograph.consumers.tail import tail as tail_run


def tail(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's key: <dag id>/<task group or nothing>/<run id> in Airflow.")
    ],
    bus: BusUrlOrOwn,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", help="A moment before the run began, local time; saves reading a long log from its start."
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Wait for the run's end, or print what is there.")
    ] = True,
    timeout_s: Annotated[
        float | None, typer.Option("--timeout", metavar="SECONDS", min=0.0, help="Give up waiting after so long.")
    ] = None,
) -> None:
    """Print a run live, and its timeline at the end.

    Ends with the run. Exit code 0: all went well; 1: nodes failed; 2: the run broke off, or cannot be read.
    """
    options = TailOptions(since=since.astimezone() if since else None, follow=follow, timeout_s=timeout_s)
    end = asyncio.run(_tail(run, bus, options))
    if end is not None:
        raise typer.Exit(end.exit_code)


async def _tail(run: str, bus: str, options: TailOptions) -> RunEnd | None:
    log = open_log(bus)
    try:
        return await tail_run(log, run, console=screen(), options=options)
    finally:
        await log.aclose()
