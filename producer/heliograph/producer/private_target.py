"""A target folder of a command's own, so that runs of one project at the same time share no file that dbt writes.

What dbt remembers of the parsed project is worth sharing: the newest is copied in before and out after the command.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from heliograph.producer.project import own_target
from heliograph.producer.sources.port import Invocation

_log = logging.getLogger(__name__)

PARSED: Final = "partial_parse.msgpack"
"""dbt's own name of what it remembers of a parsed project (dbt/constants.py)."""


@contextlib.contextmanager
def parsed_project_shared(invocation: Invocation) -> Iterator[None]:
    """Brings the parsed project into the command's own target folder and the newer one back.

    A project that cannot be read or written keeps parsing anew; that is told in the log and fails nothing.
    """
    shared = own_target(invocation.project_dir, invocation.environment) / PARSED
    own = invocation.target_path / PARSED
    if invocation.target_path != invocation.target_dir or own == shared:
        yield
        return
    if (_stamp(shared) or _NEVER) > (_stamp(own) or _NEVER):
        _copy(shared, own)
    before = _stamp(own)
    yield
    if _stamp(own) not in (None, before):
        _copy(own, shared)


_NEVER: Final = (0, 0)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _copy(source: Path, goal: Path) -> None:
    """At once or not at all: a dbt that reads meanwhile sees the old file or the new one."""
    try:
        goal.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=goal.parent, prefix=f".{goal.name}.") as folder:
            copy = Path(folder) / goal.name
            shutil.copy2(source, copy)
            copy.replace(goal)
    except OSError as error:
        _log.info("What dbt remembers of the parsed project was not copied to %s: %s", goal, error)
