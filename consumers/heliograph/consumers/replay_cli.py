"""``heliograph replay``: a recorded run, played again."""

from __future__ import annotations

import asyncio
import math
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Final

import typer

from heliograph.bus.errors import HeliographError
from heliograph.bus.options import BusUrlOrOwn
from heliograph.consumers.replay import DEFAULT_SPEED, ReplayOptions
from heliograph.consumers.replay import replay as play
from heliograph.consumers.run_end import RunEnd
from heliograph.consumers.screen import screen
from heliograph.consumers.source import RecordedRun, from_bus, from_file

_MAX: Final = "max"


def replay(
    bus: BusUrlOrOwn,
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="The run's key, as heliograph runs lists it; none with --from."),
    ] = None,
    file: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="A file of heliograph export; - is standard input.")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="X", help="How many times as fast as it was, or max: never wait.")
    ] = f"{DEFAULT_SPEED:g}",
    until: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE",
            help="Stop there and print how the run stands: after N events, after event ATTEMPT.SEQUENCE, "
            "after a node's end (unique id or name), or at a moment (local time).",
        ),
    ] = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="Print what the task of each node is told, and when.")
    ] = False,
) -> None:
    """Play a recorded run again, as tail shows it live.

    Exit code 0: all went well, or the play was stopped by --until; 1: nodes failed; 2: the run broke off, or cannot be
    read.
    """
    options = ReplayOptions(speed=_speed(speed), until=until, decisions=decisions)
    end = asyncio.run(_replay(_source(run, file, bus), options))
    if end is not None:
        raise typer.Exit(end.exit_code)


async def _replay(source: AbstractAsyncContextManager[RecordedRun], options: ReplayOptions) -> RunEnd | None:
    async with source as recorded:
        return await play(recorded, console=screen(), options=options)


def _source(run: str | None, file: str | None, bus: str) -> AbstractAsyncContextManager[RecordedRun]:
    if (run is None) is (file is None):
        raise HeliographError(
            "Give either a run or a file" if run is None else "Both a run and a file are given",
            setting="RUN, --from",
            fix="name a run as heliograph runs lists it, or with --from a file that heliograph export wrote",
        )
    return from_file(file) if file is not None else from_bus(bus, run or "")


def _speed(text: str) -> float | None:
    if text == _MAX:
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        raise HeliographError(
            f"{text!r} is no speed", setting="--speed", fix="give a number above 0, e.g. 10, or max to never wait"
        )
    return speed
