"""The producer: runs one `dbt build` for the whole DAG run and publishes every node's result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from heliograph.airflow.operators.command import DbtCommandOperator
from heliograph.airflow.operators.outcome import raise_for_failure

if TYPE_CHECKING:
    from airflow.sdk import Context

# Picked before the many tasks that wait for it.
PRIORITY_WEIGHT = 20


class DbtProducerWatcherOperator(DbtCommandOperator):
    """Runs ``dbt build`` and pushes the XCom ``summary``, ``{unique_id: outcome}`` of its attempt, failed or not."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("priority_weight", PRIORITY_WEIGHT)
        kwargs.setdefault("weight_rule", "absolute")
        super().__init__(**kwargs)

    def execute(self, context: Context) -> None:
        """Runs dbt to its end.

        Raises:
            AirflowException: dbt did not end with success, or the bus did not take all events in time.
        """
        from heliograph.airflow.operators.attempts import next_attempt

        ti = context["ti"]
        attempt = next_attempt(self.run_key(context), context, first=ti.try_number == 1)
        result = self.run_dbt(context, command="build", arguments=self.arguments(), attempt=attempt)
        summary = {unique_id: outcome.value for unique_id, outcome in result.outcomes.items()}
        ti.xcom_push(key="summary", value=summary)
        raise_for_failure(result)
        if result.message:
            self.log.warning("%s", result.message)
