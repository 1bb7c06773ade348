"""Triggers that wait on the bus for a node's result and end the node's task without a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from heliograph.airflow.bus import aresolve_bus_url
from heliograph.airflow.end_events import end_event
from heliograph.airflow.node_log import node_log, task_log_url
from heliograph.airflow.run_key import run_key
from heliograph.airflow.surroundings import AirflowSurroundings
from heliograph.airflow.waiting_task import WaitingTask
from heliograph.bus.errors import HeliographError
from heliograph.consumers.decision import Verdict, question_about
from heliograph.consumers.node_try import NodeTask, NodeTry, RunDbt
from heliograph.consumers.shared import aclose_all, hub_for

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

RESUME_FAILED = "failed"
RESUME_RUN = "run"


class NodeTrigger(BaseTrigger):
    """Waits for the result of one dbt node, or of the tests of one node.

    Args:
        unique_id: dbt's unique id of the node.
        producer_task_id: the task that runs dbt in the same DAG run.
        tests: wait for the node's tests instead of the node itself.
        group_id: the DbtTaskGroup both are in, if any.
        since: ISO time before the run began; only needed where the trigger is given no DAG run (a task that deferred
            itself on a worker).
        retries, producer_retries: Airflow's ``retries`` of this task and of the producer's.
        parents: the tasks of the node's parents, where this task does not wait for them.
        arguments: fingerprint of the task's own dbt arguments, where it has any.
        except_tests: tests of the node that other tasks report.
        resume_on: ends (``ResumeOn``) on which the task has something to do on a worker.
        of_task: the waiting task, where no triggerer tells it (``dag.test()``).
    """

    def __init__(
        self,
        *,
        unique_id: str,
        producer_task_id: str,
        tests: bool = False,
        group_id: str | None = None,
        since: str | None = None,
        retries: int = 0,
        producer_retries: int = 0,
        parents: Sequence[str] = (),
        arguments: str | None = None,
        except_tests: Sequence[str] = (),
        resume_on: Sequence[str] = (),
        of_task: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self.unique_id = unique_id
        self.producer_task_id = producer_task_id
        self.tests = tests
        self.group_id = group_id
        self.since = since
        self.retries = retries
        self.producer_retries = producer_retries
        self.parents = list(parents)
        self.arguments = arguments
        self.except_tests = list(except_tests)
        self.resume_on = list(resume_on)
        self.of_task = WaitingTask.read(of_task)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, plain JSON."""
        return (
            f"{type(self).__module__}.{type(self).__qualname__}",
            {
                "unique_id": self.unique_id,
                "producer_task_id": self.producer_task_id,
                "tests": self.tests,
                "group_id": self.group_id,
                "since": self.since,
                "retries": self.retries,
                "producer_retries": self.producer_retries,
                "parents": self.parents,
                "arguments": self.arguments,
                "except_tests": self.except_tests,
                "resume_on": self.resume_on,
                "of_task": self.of_task.stored() if self.of_task is not None else None,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yields one event: the end of the task, or the order to resume on a worker that runs the node again."""
        try:
            event = await self._resolve()
        except HeliographError as error:
            # A setting stands in the way: a worker raises it, so that the task log shows it and retries count.
            event = TriggerEvent({RESUME_FAILED: str(error)})
        try:
            yield event
        finally:
            if self.task_instance is None:
                await aclose_all()  # dag.test() runs each trigger in a loop of its own, which ends with it

    async def _resolve(self) -> TriggerEvent:
        ti = self._task
        node_try = NodeTry(
            run_key(dag_id=ti.dag_id, group_id=self.group_id, run_id=ti.run_id),
            self._node_task(ti),
            hub=hub_for(await aresolve_bus_url()),
            surroundings=AirflowSurroundings(
                dag_id=ti.dag_id, run_id=ti.run_id, producer_task_id=self.producer_task_id
            ),
        )
        outcome = await node_try.resolve()
        if isinstance(outcome, RunDbt):
            self.log.info("%s runs again, on a worker", self.unique_id)
            return TriggerEvent({RESUME_RUN: True})
        return self._end(outcome)

    def _node_task(self, ti: TaskInstance | WaitingTask) -> NodeTask:
        server_context = getattr(ti, "_ti_context_from_server", None)
        dag_run = server_context.dag_run if server_context is not None else None
        # ``run_after`` is never later than the run's start and, unlike its start date, not moved by a clear.
        since = datetime.fromisoformat(self.since) if self.since is not None else dag_run and dag_run.run_after
        return NodeTask(
            question=question_about(self.unique_id, tests=self.tests, without=self.except_tests),
            task_id=ti.task_id,
            try_number=ti.try_number,
            since=since,
            cleared=bool(dag_run is not None and dag_run.clear_number),
            arguments=self.arguments,
            # After a clear Airflow counts tries on, and does not tell the triggerer how many there may be.
            last_try=ti.try_number > self.retries,
            producer_retries=self.producer_retries,
            parents=tuple(self.parents),
        )

    def _end(self, verdict: Verdict) -> TriggerEvent:
        producer_log = task_log_url(dag_id=self._task.dag_id, run_id=self._task.run_id, task_id=self.producer_task_id)
        for line in node_log(verdict, unique_id=self.unique_id, producer_log=producer_log):
            self.log.log(line.level, "%s", line.text)
        return end_event(verdict, resume_on=self.resume_on)

    @property
    def _task(self) -> TaskInstance | WaitingTask:
        task = self.task_instance or self.of_task
        if task is None:
            raise HeliographError(
                "This trigger waits for a dbt node and needs the task it waits for",
                fix="use it for a task's deferral, not for an asset",
            )
        return task
