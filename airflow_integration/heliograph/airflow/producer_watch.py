"""What Airflow knows of a run's producer task: the second authority beside the event log."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from asgiref.sync import sync_to_async


class ProducerState(Enum):
    """What may still be expected of a producer task."""

    TO_COME = auto()
    """A try is to come: it waits for its turn, or for its retry."""
    RUNS = auto()
    GONE = auto()
    """It ended, and no try follows by itself."""


_GONE = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass(frozen=True, kw_only=True, slots=True)
class ProducerWatch:
    """Asks Airflow for the state of one run's producer task. Called rarely: when the log is silent, or on a retry."""

    dag_id: str
    run_id: str
    task_id: str

    async def state(self) -> ProducerState:
        """What may be expected of the producer now."""
        state = await self._task_state()
        if state == "running":
            return ProducerState.RUNS
        return ProducerState.GONE if state in _GONE else ProducerState.TO_COME

    async def gone(self, run: str) -> str | None:  # noqa: ARG002  # the hub's LeaseCheck names the run
        """Why nothing more of the run can be expected, or None while it can."""
        state = await self._task_state()
        if state not in _GONE:
            return None
        return f"the producer task {self.task_id} is {state} and its events ended without this node's result"

    async def _task_state(self) -> str | None:
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
            dag_id=self.dag_id, task_ids=[self.task_id], run_ids=[self.run_id]
        )
        state = states.get(self.run_id, {}).get(self.task_id)
        return None if state is None else str(state)
