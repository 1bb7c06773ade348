"""``heliograph runs``: which runs an event log holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from heliograph.bus.open import open_log
from heliograph.bus.options import BusUrlOrOwn
from heliograph.consumers.catalogue import RunSummary, Standing
from heliograph.consumers.catalogue import runs as list_runs
from heliograph.consumers.screen import screen
from heliograph.consumers.timeline import STYLES

_STYLES: Final = {
    Standing.RUNNING: "blue",
    Standing.FINISHED: "green",
    Standing.FAILED: "bold red",
    Standing.ABORTED: "magenta",
    Standing.LOST: "bold red",
}


def runs(
    bus: BusUrlOrOwn,
    since: Annotated[
        datetime | None,
        typer.Option("--since", help="Only runs that began then or later, local time; saves reading a long log."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many at most, the newest.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON array; times in UTC, durations in seconds.")
    ] = False,
) -> None:
    """List the runs of an event log, the newest first."""
    found = asyncio.run(_runs(bus, since.astimezone() if since else None))[:limit]
    if as_json:
        typer.echo(json.dumps([_plain(summary) for summary in found], indent=2))
    else:
        _print(found, screen())


async def _runs(bus: str, since: datetime | None) -> list[RunSummary]:
    log = open_log(bus)
    try:
        return await list_runs(log, now=datetime.now(UTC), since=since)
    finally:
        await log.aclose()


def _plain(summary: RunSummary) -> dict[str, object]:
    return asdict(summary) | {
        "started_at": summary.started_at.astimezone(UTC).isoformat(),
        "duration_s": round(summary.duration_s, 3),
    }


def _print(found: Sequence[RunSummary], console: Console) -> None:
    if not found:
        console.print("No runs.")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    for heading in ("state", "attempts", "nodes", "started", "seconds", "started by"):
        table.add_column(heading, justify="right" if heading in ("attempts", "seconds") else "left", overflow="fold")
    for summary in found:
        table.add_row(
            Text(summary.run),
            Text(summary.standing, style=_STYLES[summary.standing]),
            str(summary.attempts),
            _nodes(summary),
            f"{summary.started_at.astimezone():%Y-%m-%d %H:%M:%S}",
            f"{summary.duration_s:.1f}",
            Text(summary.started_by or ""),
        )
    console.print(table)


def _nodes(summary: RunSummary) -> Text:
    parts = [Text(f"{count} {outcome}", style=STYLES[outcome]) for outcome, count in sorted(summary.nodes.items())]
    return Text(", ").join(parts)
