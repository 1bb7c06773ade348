"""What a waiting task has to know beside the event log: the orchestrator's own view of the tasks around it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol


class TaskFate(Enum):
    """What may still be expected of a task."""

    TO_COME = auto()
    """It has not started, or waits for its next try."""
    RUNS = auto()
    SUCCEEDED = auto()
    """It ended well; nothing more comes of it by itself."""
    FAILED = auto()
    """It ended otherwise (failed, skipped, removed, its upstream failed); nothing more comes of it by itself."""

    @property
    def gone(self) -> bool:
        """Nothing more is to be expected by itself."""
        return self in (TaskFate.SUCCEEDED, TaskFate.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """What the producer's present try told the orchestrator before it began: the number of its attempt."""

    attempt: int


class Surroundings(Protocol):
    """Asks the orchestrator. Called rarely: when the log is silent, or in a retry."""

    async def producer(self) -> TaskFate:
        """What may be expected of the task that runs dbt."""
        ...

    async def announced(self) -> Announcement | None:
        """What the producer's newest try announced; None where it ended, or was replaced, before it did."""
        ...

    async def fates(self, task_ids: Collection[str]) -> Mapping[str, TaskFate]:
        """What may be expected of these tasks."""
        ...

    async def may_lead(self, task_id: str) -> bool:
        """Whether the task is on its way to run dbt: it waits, is queued or runs, and has not to be tried anew."""
        ...
