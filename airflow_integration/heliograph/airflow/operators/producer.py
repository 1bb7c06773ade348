"""The producer: runs one `dbt build` for the whole DAG run and publishes every node's result."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from heliograph.airflow.operators.command import DbtCommandOperator
from heliograph.airflow.operators.outcome import raise_for_failure, raise_for_undelivered, result_text

if TYPE_CHECKING:
    from airflow.sdk import Context

    from heliograph.consumers.next_attempt import NextAttempt

# Picked before the many tasks that wait for it.
PRIORITY_WEIGHT = 20

# Its argument is the producer's report, which is not to be imported when a DAG file is parsed.
FreshnessCallback = Callable[[Any], Collection[str]]

_FAILURES = frozenset({"error", "fail", "cancelled"})
_ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class DbtProducerWatcherOperator(DbtCommandOperator):
    """Runs ``dbt build`` and pushes the XCom ``summary``, ``{unique_id: outcome}`` of the run so far, failed or not.

    A retry runs what has not succeeded yet. A try after a clear does so as well, unless all node tasks were cleared
    with the producer: then everything runs anew.

    Args:
        check_freshness: check the sources first, and leave out what depends on stale ones alone.
        freshness_callback: decides otherwise: gets the ``FreshnessReport`` of ``heliograph.producer.freshness_report``,
            returns the unique ids of the nodes to leave out.
        told_by_tasks: unique ids of the nodes and tests whose end a task of its own tells.
    """

    def __init__(
        self,
        *,
        check_freshness: bool = False,
        freshness_callback: FreshnessCallback | None = None,
        told_by_tasks: Collection[str] = (),
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("priority_weight", PRIORITY_WEIGHT)
        kwargs.setdefault("weight_rule", "absolute")
        super().__init__(**kwargs)
        self.check_freshness = check_freshness
        self.freshness_callback = freshness_callback
        self.told_by_tasks = frozenset(told_by_tasks)

    def execute(self, context: Context) -> None:
        """Runs dbt to its end.

        On its last try the task does not fail for nodes whose own tasks fail: they tell of it, can be retried by
        themselves, and then the DAG run or the group is to be green.

        Raises:
            AirflowException: dbt did not end with success, or the bus did not take all events in time.
        """
        from heliograph.airflow.surroundings import ATTEMPT_XCOM

        ti = context["ti"]
        attempt = self._attempt(context)
        ti.xcom_push(key=ATTEMPT_XCOM, value=attempt.number)
        result = self.run_dbt(
            context,
            command="build",
            arguments=self.arguments(),
            attempt=attempt,
            check_freshness=self.check_freshness,
            decide_stale=self.freshness_callback,
        )
        outcomes = {unique_id: outcome.value for unique_id, outcome in {**attempt.before, **result.outcomes}.items()}
        ti.xcom_push(key="summary", value=outcomes)
        failed = [unique_id for unique_id, outcome in outcomes.items() if outcome in _FAILURES]
        if result.exit_code == 1 and ti.try_number > ti.max_tries and self.told_by_tasks.issuperset(failed):
            raise_for_undelivered(result)
            self.log.warning("%s. The tasks of these nodes tell of it: %s", result_text(result), ", ".join(failed))
            return
        raise_for_failure(result)
        if result.message:
            self.log.warning("%s", result.message)

    def _attempt(self, context: Context) -> NextAttempt:
        from heliograph.airflow.operators.claiming import claim
        from heliograph.consumers.next_attempt import FIRST, anew, resumed

        ti = context["ti"]
        if ti.try_number == 1:
            return FIRST
        claimed = claim(self.run_key(context), context)
        # After a clear, Airflow grants as many further tries as the task has retries (``clear_task_instances``).
        cleared = ti.try_number == ti.max_tries - (self.retries or 0) + 1
        if cleared and self._all_cleared(context):
            self.log.info("All node tasks were cleared: dbt runs everything anew")
            return anew(claimed)
        attempt = resumed(claimed)
        if attempt.only is not None:
            self.log.info("%d nodes and tests have not succeeded yet and run now", len(attempt.only))
        return attempt

    def _all_cleared(self, context: Context) -> bool:
        """Whether no node task of this producer has an end any more."""
        from heliograph.airflow.operators.node_sensor import DbtNodeSensor
        from heliograph.airflow.surroundings import task_states

        ti = context["ti"]
        consumers = {
            task.task_id
            for task in (self.dag.tasks if self.dag is not None else ())
            if isinstance(task, DbtNodeSensor) and task.producer_task_id == self.task_id
        }
        states = task_states(dag_id=ti.dag_id, run_id=ti.run_id, group_id=self.group_id)
        return not any(states.get(task_id) in _ENDED for task_id in consumers)
