"""The way of the decision what to leave out into dbt's process, which waits for it after the freshness check."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from heliograph.producer.freshness_first import CHECK_FIRST, written_decision
from heliograph.producer.sources.port import Json, LeaveOut


class DecisionPipe:
    """A pipe while the context is open, where there is something to decide; nothing otherwise."""

    def __init__(self, leave_out: LeaveOut | None) -> None:
        self._leave_out = leave_out
        self._descriptors: list[int] = []

    def __enter__(self) -> Self:
        if self._leave_out is not None:
            self._descriptors = list(os.pipe())
        return self

    def __exit__(self, *_error: object) -> None:
        while self._descriptors:
            os.close(self._descriptors.pop())

    @property
    def pass_fds(self) -> tuple[int, ...]:
        """What dbt's process inherits."""
        return tuple(self._descriptors[:1])

    def options(self, folder: Path) -> list[str]:
        """What dbt's process is told."""
        return [CHECK_FIRST, str(self._descriptors[0]), str(folder)] if self._descriptors else []

    def started(self) -> None:
        """Lets go of the end that dbt's process holds."""
        if self._descriptors:
            os.close(self._descriptors.pop(0))

    def answer(self, results: Sequence[Json]) -> None:
        """Decides, and lets dbt go on."""
        if self._leave_out is None or not self._descriptors:
            raise ValueError("nothing was asked, or the answer was given")
        unique_ids = self._leave_out(results)
        # It may have been stopped meanwhile; how it ended is told by its last record.
        with contextlib.suppress(BrokenPipeError), os.fdopen(self._descriptors.pop(), "wb") as pipe:
            pipe.write(written_decision(unique_ids))
