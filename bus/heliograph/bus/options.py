"""Options that several `heliograph` commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Final

import typer

_NAME: Final = "--bus"
_VARIABLE: Final = "HELIOGRAPH_BUS_URL"
_HELP: Final = "The event log: sqlite:////path/events.db or amqp://user:password@host:port/virtual-host."


def default_bus_url() -> str:
    """The SQLite file of this user's own runs, in the folder where the XDG base directories put state."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return f"sqlite:///{Path(state) / 'heliograph' / 'events.db'}"


BusUrl = Annotated[str, typer.Option(_NAME, metavar="URL", envvar=_VARIABLE, help=_HELP)]
"""The bus, where none can be guessed."""

BusUrlOrOwn = Annotated[
    str,
    typer.Option(
        _NAME,
        metavar="URL",
        envvar=_VARIABLE,
        help=_HELP,
        default_factory=default_bus_url,
        show_default="a SQLite file in your state folder",
    ),
]
"""The bus, or the file that holds this user's own runs."""
