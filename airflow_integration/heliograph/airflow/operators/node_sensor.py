"""The task of one dbt node, or of one node's tests: waits in the triggerer for the producer's event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException
from airflow.triggers.base import StartTriggerArgs

from heliograph.airflow.operators.command import DbtCommandOperator
from heliograph.airflow.operators.outcome import raise_for_failure
from heliograph.airflow.versions import STARTS_FROM_TRIGGER

if TYPE_CHECKING:
    from airflow.sdk import Context

# Below the producer's, so that a waiting task never goes before the one that works.
PRIORITY_WEIGHT = 2

# By name: parsing a DAG needs nothing of what a waiting trigger needs.
_TRIGGER = "heliograph.airflow.triggers.NodeTrigger"

_RETRY_COMMANDS: Mapping[str, str] = {"model": "run", "seed": "seed", "snapshot": "snapshot"}


class DbtNodeSensor(DbtCommandOperator):
    """Ends as its dbt node ended, without a worker; only a retry that must run dbt again takes one.

    Args:
        unique_id: dbt's unique id of the node.
        resource_type: dbt's resource type of the node.
        selector: dbt selector that names just this node, for a retry.
        producer_task_id: the task that runs dbt.
        tests: stands for the node's tests instead of the node itself.
    """

    start_from_trigger = STARTS_FROM_TRIGGER

    def __init__(
        self,
        *,
        unique_id: str,
        resource_type: str,
        selector: str,
        producer_task_id: str,
        tests: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("priority_weight", PRIORITY_WEIGHT)
        kwargs.setdefault("weight_rule", "absolute")
        super().__init__(**kwargs)
        self.unique_id = unique_id
        self.resource_type = resource_type
        self.selector = selector
        self.producer_task_id = producer_task_id
        self.tests = tests
        self.custom_operator_name = "dbt test" if tests else f"dbt {resource_type}"
        self.start_trigger_args = StartTriggerArgs(
            trigger_cls=_TRIGGER, trigger_kwargs=self._trigger_arguments(since=None), next_method="resume"
        )

    def execute(self, context: Context) -> None:
        """Defers at once: for an Airflow whose scheduler cannot do that itself, and for ``dag.test()``."""
        from heliograph.airflow.triggers import NodeTrigger

        since = context["dag_run"].run_after.isoformat()
        self.defer(trigger=NodeTrigger(**self._trigger_arguments(since=since)), method_name="resume")

    def resume(self, context: Context, event: Mapping[str, Any]) -> None:
        """Does on a worker what the trigger could not: raises its failure, or runs the node again.

        Raises:
            AirflowException: the node failed, or failed again.
        """
        from heliograph.airflow.operators.attempts import next_attempt
        from heliograph.airflow.triggers import RESUME_FAILED

        if RESUME_FAILED in event:
            raise AirflowException(event[RESUME_FAILED])
        attempt = next_attempt(self.run_key(context), context, first=False)
        command = "test" if self.tests else _RETRY_COMMANDS.get(self.resource_type, "build")
        arguments = replace(self.arguments(), select=[self.selector], exclude=())
        raise_for_failure(self.run_dbt(context, command=command, arguments=arguments, attempt=attempt))

    def _trigger_arguments(self, *, since: str | None) -> dict[str, Any]:
        return {
            "unique_id": self.unique_id,
            "producer_task_id": self.producer_task_id,
            "tests": self.tests,
            "group_id": self.group_id,
            "since": since,
        }
