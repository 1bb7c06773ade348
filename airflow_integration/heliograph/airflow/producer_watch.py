"""What Airflow knows of a run's producer task: the second authority beside the event log."""

from __future__ import annotations

from dataclasses import dataclass

from asgiref.sync import sync_to_async

# States after which no event of this try will come. up_for_retry is not one: another try follows.
_GONE = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_TO_COME = frozenset(
    {None, "scheduled", "queued", "running", "up_for_retry", "up_for_reschedule", "deferred", "restarting"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProducerWatch:
    """Asks Airflow for the state of one run's producer task. Called rarely: when the log is silent, or on a retry."""

    dag_id: str
    run_id: str
    task_id: str

    async def state(self) -> str | None:
        """The producer's task state; None where it has none yet."""
        from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

        states = await sync_to_async(RuntimeTaskInstance.get_task_states)(
            dag_id=self.dag_id, task_ids=[self.task_id], run_ids=[self.run_id]
        )
        state = states.get(self.run_id, {}).get(self.task_id)
        return None if state is None else str(state)

    async def still_to_come(self) -> bool:
        """Whether the producer runs or will run."""
        return await self.state() in _TO_COME

    async def gone(self, run: str) -> str | None:
        """Why nothing more of ``run`` can be expected, or None while it can."""
        state = await self.state()
        if state not in _GONE:
            return None
        return f"the producer task {self.task_id} is {state} and its events ended without this node's result"
