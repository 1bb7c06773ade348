"""Options that several `heliograph` commands share."""

from __future__ import annotations

from typing import Annotated

import typer

BusUrl = Annotated[
    str,
    typer.Option(
        "--bus",
        metavar="URL",
        envvar="HELIOGRAPH_BUS_URL",
        help="The event log: sqlite:////path/events.db or amqp://user:password@host:port/virtual-host.",
    ),
]
