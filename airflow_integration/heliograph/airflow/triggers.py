"""Triggers that wait on the bus for a node's result and end the node's task without a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.triggers.base import BaseTrigger, TriggerEvent

from heliograph.airflow.bus import aresolve_bus_url
from heliograph.airflow.end_events import end_event
from heliograph.airflow.producer_watch import ProducerState, ProducerWatch
from heliograph.airflow.run_key import run_key
from heliograph.bus.errors import HeliographError
from heliograph.consumers.attempts import AttemptOver, KnownAttempt, NewestAttempt
from heliograph.consumers.decision import End, NodeQuestion, TestsQuestion, Verdict
from heliograph.consumers.hub import Hub, Waiter
from heliograph.consumers.shared import hub_for

if TYPE_CHECKING:
    from airflow.models.taskinstance import TaskInstance

T = TypeVar("T")

RESUME_FAILED = "failed"
RESUME_RUN = "run"

_RECHECK_S = 1.0


class NodeTrigger(BaseTrigger):
    """Waits for the result of one dbt node, or of the tests of one node.

    Args:
        unique_id: dbt's unique id of the node.
        tests: wait for the node's tests instead of the node itself.
        producer_task_id: the task that runs dbt in the same DAG run.
        group_id: the DbtTaskGroup both are in, if any.
        since: ISO time before the run began; only needed where the trigger is given no DAG run (a task that deferred
            itself on a worker).
    """

    def __init__(
        self,
        *,
        unique_id: str,
        producer_task_id: str,
        tests: bool = False,
        group_id: str | None = None,
        since: str | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self.unique_id = unique_id
        self.producer_task_id = producer_task_id
        self.tests = tests
        self.group_id = group_id
        self.since = since

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
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yields one event: the end of the task, or the order to resume on a worker that runs the node again."""
        try:
            event = await self._resolve()
        except HeliographError as error:
            # A setting stands in the way: a worker raises it, so that the task log shows it and retries count.
            event = TriggerEvent({RESUME_FAILED: str(error)})
        yield event

    async def _resolve(self) -> TriggerEvent:
        hub = hub_for(await aresolve_bus_url())
        if self._task.try_number > 1:
            return await self._resolve_again(hub)
        return self._end(await self._ask(hub, attempt_from=1))

    async def _resolve_again(self, hub: Hub) -> TriggerEvent:
        """A retried or cleared task: a new attempt of the producer decides, or the log, or a run of the node's own."""
        known, state = await self._newest_attempt(hub)
        if state is ProducerState.RUNS:
            # dbt still runs: no second dbt may start beside it.
            await self._wait(hub, AttemptOver(number=known.number))
        elif state is ProducerState.TO_COME:
            verdict = await self._ask(hub, attempt_from=known.number + 1)
            if (await self._wait(hub, NewestAttempt())).number > known.number:
                return self._end(verdict)
        verdict = await self._ask(hub, attempt_from=1)
        if verdict.end is End.FAILED:
            self.log.info("%s: %s; it runs again on a worker", self.unique_id, verdict.reason)
            return TriggerEvent({RESUME_RUN: True})
        return self._end(verdict)

    async def _newest_attempt(self, hub: Hub) -> tuple[KnownAttempt, ProducerState]:
        while True:
            known = await self._wait(hub, NewestAttempt())
            state = await self._producer.state()
            if state is not ProducerState.RUNS or (known.number and not known.over):
                return known, state
            # Its task runs, its dbt does not: it is about to begin its first event, or to end. Either takes seconds.
            await asyncio.sleep(_RECHECK_S)

    async def _ask(self, hub: Hub, *, attempt_from: int) -> Verdict:
        question = TestsQuestion if self.tests else NodeQuestion
        return await self._wait(hub, question(unique_id=self.unique_id, attempt_from=attempt_from))

    async def _wait(self, hub: Hub, waiter: Waiter[T]) -> T:
        return await hub.wait(self._run, waiter, since=self._since, producer_check=self._producer.gone)

    def _end(self, verdict: Verdict) -> TriggerEvent:
        level = self.log.error if verdict.end is End.FAILED else self.log.info
        level("%s: %s", self.unique_id, verdict.reason)
        for warning in verdict.warnings:
            self.log.warning("%s", warning)
        return end_event(verdict)

    @property
    def _task(self) -> TaskInstance:
        if self.task_instance is None:
            raise HeliographError(
                "This trigger waits for a dbt node and needs the task it waits for",
                fix="use it for a task's deferral, not for an asset",
            )
        return self.task_instance

    @property
    def _run(self) -> str:
        return run_key(dag_id=self._task.dag_id, group_id=self.group_id, run_id=self._task.run_id)

    @property
    def _producer(self) -> ProducerWatch:
        return ProducerWatch(dag_id=self._task.dag_id, run_id=self._task.run_id, task_id=self.producer_task_id)

    @property
    def _since(self) -> datetime | None:
        """``run_after`` is never later than the run's start and, unlike its start date, not moved by a clear."""
        if self.since is not None:
            return datetime.fromisoformat(self.since)
        server_context = getattr(self.task_instance, "_ti_context_from_server", None)
        return server_context.dag_run.run_after if server_context is not None else None
