"""What Airflow knows of the tasks around a waiting one: the second authority beside the event log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from asgiref.sync import sync_to_async

from heliograph.consumers.surroundings import Announcement, TaskFate

ATTEMPT_XCOM: Final = "attempt"
"""Key of the producer's XCom with the number of the attempt that its present try is about to begin."""

_FATES: Final = {"running": TaskFate.RUNS, "success": TaskFate.SUCCEEDED} | dict.fromkeys(
    ("failed", "skipped", "upstream_failed", "removed"), TaskFate.FAILED
)
_NOT_ON_ITS_WAY: Final = frozenset({"up_for_retry", *(state for state in _FATES if state != "running")})

# One answer serves all tasks of a process that follow the same leader, for this many seconds.
_FRESH_S: Final = 4.0
_answers: dict[tuple[str, str, str], tuple[float, asyncio.Task[str | None]]] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class AirflowSurroundings:
    """Implements ``Surroundings`` for the tasks of one DAG run. Called rarely: each call asks Airflow's API."""

    dag_id: str
    run_id: str
    producer_task_id: str

    async def producer(self) -> TaskFate:
        """What may be expected of the producer's task."""
        return _fate((await self._states([self.producer_task_id])).get(self.producer_task_id))

    async def announced(self) -> Announcement | None:
        """The attempt of which the producer's newest try told by XCom.

        Airflow deletes a task's XComs when a try of it starts, so what is there is of the newest try that ran.
        """
        from airflow.sdk.execution_time.xcom import XCom

        value = await sync_to_async(XCom.get_one)(
            key=ATTEMPT_XCOM, dag_id=self.dag_id, task_id=self.producer_task_id, run_id=self.run_id
        )
        return Announcement(attempt=int(value)) if value is not None else None

    async def fates(self, task_ids: Collection[str]) -> Mapping[str, TaskFate]:
        """What may be expected of these tasks."""
        states = await self._states(list(task_ids)) if task_ids else {}
        return {task_id: _fate(states.get(task_id)) for task_id in task_ids}

    async def may_lead(self, task_id: str) -> bool:
        """Whether the task is deferred, scheduled, queued or running."""
        now = asyncio.get_running_loop().time()
        key = (self.dag_id, self.run_id, task_id)
        for old in [one for one, (asked_at, _) in _answers.items() if now - asked_at > _FRESH_S]:
            del _answers[old]
        if key not in _answers:
            _answers[key] = (now, asyncio.ensure_future(self._state(task_id)))
        return (await asyncio.shield(_answers[key][1])) not in _NOT_ON_ITS_WAY

    async def _state(self, task_id: str) -> str | None:
        return (await self._states([task_id])).get(task_id)

    async def _states(self, task_ids: list[str]) -> dict[str, str | None]:
        return await sync_to_async(task_states)(dag_id=self.dag_id, run_id=self.run_id, task_ids=task_ids)


def task_states(
    *, dag_id: str, run_id: str, task_ids: list[str] | None = None, group_id: str | None = None
) -> dict[str, str | None]:
    """The states of these tasks, of a task group's, or of all, in one DAG run; by task id."""
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    found: Mapping[str, Any] = RuntimeTaskInstance.get_task_states(
        dag_id=dag_id, task_ids=task_ids, task_group_id=group_id, run_ids=[run_id]
    )
    return {task_id: None if state is None else str(state) for task_id, state in found.get(run_id, {}).items()}


def _fate(state: str | None) -> TaskFate:
    return _FATES.get(state or "", TaskFate.TO_COME)
