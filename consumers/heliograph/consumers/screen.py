"""The console that commands print to."""

from __future__ import annotations

import os
from typing import Final

from rich.console import Console

_WIDTH_OF_A_FILE: Final = 160


def screen() -> Console:
    """Standard output; a file or a pipe has no width of its own, and gets one that holds a run's key unbroken."""
    console = Console(highlight=False)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(highlight=False, width=_WIDTH_OF_A_FILE)
