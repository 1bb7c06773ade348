"""The task of one dbt node, or of one node's tests: waits in the triggerer for the producer's event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import StartTriggerArgs

from heliograph.airflow.operators.node_task import DbtNodeTask
from heliograph.airflow.operators.outcome import raise_for_undelivered, result_text
from heliograph.airflow.versions import STARTS_FROM_TRIGGER
from heliograph.airflow.waiting_task import WaitingTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from heliograph.consumers.node_try import NodeTask

# Below the producer's, so that a waiting task never goes before the one that works.
PRIORITY_WEIGHT = 2

# By name: parsing a DAG needs nothing of what a waiting trigger needs.
_TRIGGER = "heliograph.airflow.triggers.NodeTrigger"


class DbtNodeSensor(DbtNodeTask):
    """Ends as its dbt node ended, without a worker; only a retry that must run dbt again takes one.

    Args:
        unique_id: dbt's unique id of the node.
        resource_type: dbt's resource type of the node.
        producer_task_id: the task that runs dbt.
        tests: stands for the node's tests instead of the node itself.
        producer_retries: Airflow's ``retries`` of the producer's task.
        parents: the tasks of the node's parents, where this task starts without waiting for them and they may be
            tried again.
        arguments_key: fingerprint of this task's own dbt arguments, where it has any: what is retried with different
            arguments takes different dbt commands.
    """

    start_from_trigger = STARTS_FROM_TRIGGER

    def __init__(
        self,
        *,
        unique_id: str,
        resource_type: str,
        producer_task_id: str,
        tests: bool = False,
        producer_retries: int = 0,
        parents: Sequence[str] = (),
        arguments_key: str | None = None,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("priority_weight", PRIORITY_WEIGHT)
        kwargs.setdefault("weight_rule", "absolute")
        super().__init__(**kwargs)
        self.unique_id = unique_id
        self.resource_type = resource_type
        self.producer_task_id = producer_task_id
        self.tests = tests
        self.producer_retries = producer_retries
        self.parents = tuple(parents)
        self.arguments_key = arguments_key
        self.custom_operator_name = "dbt test" if tests else f"dbt {resource_type}"
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=_TRIGGER, trigger_kwargs=self._trigger_arguments(since=None), next_method="resume"
        )

    def execute(self, context: Context) -> None:
        """Defers at once: for an Airflow whose scheduler cannot do that itself, and for ``dag.test()``."""
        from heliograph.airflow.triggers import NodeTrigger

        self.before_waiting(context, after=[self.producer_task_id, *self.parents])
        since = context["dag_run"].run_after.isoformat()
        arguments = {**self._trigger_arguments(since=since), "of_task": WaitingTask.of(context).stored()}
        self.defer(trigger=NodeTrigger(**arguments), method_name="resume")

    def resume(self, context: Context, event: Mapping[str, Any] | str) -> None:
        """Does on a worker what the trigger could not: raises its failure, or runs the node again.

        The same dbt command serves every task of the run that asks at that time, and builds what was skipped because
        of them.

        Raises:
            AirflowException: the node failed, or failed again.
        """
        from heliograph.airflow.operators.claiming import claim
        from heliograph.airflow.triggers import RESUME_FAILED
        from heliograph.consumers.next_attempt import retried
        from heliograph.consumers.retry_plan import POSITIVE, tests_of

        if self.ended(context, event):
            return
        if isinstance(event, Mapping) and RESUME_FAILED in event:
            raise AirflowException(event[RESUME_FAILED])
        run, ti = self.run_key(context), context["ti"]
        request = self._task(ti.try_number).request(run)
        claimed = claim(run, context, request=request)
        attempt = retried(claimed, request)
        if attempt.only is not None:
            self.log.info("Runs again: %s", ", ".join(sorted(attempt.only)) or "nothing, it has succeeded meanwhile")
        result = self.run_dbt(context, command="build", arguments=self.arguments(), attempt=attempt)
        outcomes = {**attempt.before, **result.outcomes}
        mine = tests_of(claimed.state, self.unique_id) if self.tests else [self.unique_id]
        mine = [unique_id for unique_id in mine if unique_id not in self.except_tests]
        failed = [unique_id for unique_id in mine if outcomes.get(unique_id) not in POSITIVE]
        if failed:
            told = ", ".join(f"{unique_id} ({outcomes.get(unique_id, 'not run')})" for unique_id in failed)
            raise AirflowException(f"Did not succeed in attempt {attempt.number}: {told}; {result_text(result)}")
        self.ran(context, mine, result)
        raise_for_undelivered(result)

    def _task(self, try_number: int) -> NodeTask:
        from heliograph.consumers.decision import question_about
        from heliograph.consumers.node_try import NodeTask

        return NodeTask(
            question=question_about(self.unique_id, tests=self.tests, without=self.except_tests),
            task_id=self.task_id,
            try_number=try_number,
            arguments=self.arguments_key,
        )

    def _trigger_arguments(self, *, since: str | None) -> dict[str, Any]:
        return {
            "unique_id": self.unique_id,
            "producer_task_id": self.producer_task_id,
            "tests": self.tests,
            "group_id": self.group_id,
            "since": since,
            "retries": self.retries or 0,
            "producer_retries": self.producer_retries,
            "parents": list(self.parents),
            "arguments": self.arguments_key,
            **self.trigger_extras(),
        }
