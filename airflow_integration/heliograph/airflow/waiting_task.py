"""Which task a trigger waits for, where no triggerer tells it: in ``dag.test()``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingTask:
    """One try of a task."""

    dag_id: str
    run_id: str
    task_id: str
    try_number: int

    @classmethod
    def of(cls, context: Context) -> WaitingTask:
        """The try that runs now."""
        ti = context["ti"]
        return cls(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, try_number=ti.try_number)

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> WaitingTask | None:
        """What ``stored`` gave."""
        return None if stored is None else cls(**stored)

    def stored(self) -> dict[str, Any]:
        """As plain JSON, for a trigger's arguments."""
        return {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "task_id": self.task_id,
            "try_number": self.try_number,
        }


def runs_in_process() -> bool:
    """Whether this task runs in the process of ``dag.test()``, one task after the other, without a triggerer."""
    from airflow.sdk.execution_time import task_runner

    # By name: the supervisor's module is heavy, and a worker's task has no need of it.
    comms = getattr(task_runner, "SUPERVISOR_COMMS", None)
    return type(comms).__name__ == "InProcessSupervisorComms"
