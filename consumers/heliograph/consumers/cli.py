"""The sub-commands of ``heliograph`` that read the event log."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from heliograph.bus.errors import HeliographError
from heliograph.bus.open import open_log
from heliograph.consumers.run_end import RunEnd
from heliograph.consumers.tail import TailOptions
from heliograph.consumers.tail import tail as tail_run


class NoBusNamed(HeliographError):
    """Neither the option nor the environment names a bus."""


def tail(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The run's key: <dag id>/<task group or nothing>/<run id> in Airflow.")
    ],
    bus: Annotated[
        str | None,
        typer.Option("--bus", metavar="URL", envvar="HELIOGRAPH_BUS_URL", help="The bus the run is published on."),
    ] = None,
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
    try:
        end = asyncio.run(_tail(run, bus, options))
    except HeliographError as error:
        typer.echo(f"heliograph tail: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    if end is not None:
        raise typer.Exit(end.exit_code)


async def _tail(run: str, bus: str | None, options: TailOptions) -> RunEnd | None:
    if not bus:
        raise NoBusNamed(
            "No bus is named",
            setting="--bus or HELIOGRAPH_BUS_URL",
            fix="give the URL the producer publishes on, e.g. --bus sqlite:////tmp/heliograph/events.db",
        )
    log = open_log(bus)
    try:
        return await tail_run(log, run, console=Console(), options=options)
    finally:
        await log.aclose()
