"""DAGs that are retried, cleared and killed. Airflow's safe mode looks for the words dag and airflow."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from heliograph.airflow import DbtDag, ExecutionConfig, ProfileConfig, ProjectConfig, StartOrder
from heliograph.airflow.profiles import PostgresUserPasswordProfileMapping

PROJECTS = Path(os.environ["HELIOGRAPH_E2E_GENERATED"])
TRIED_AGAIN = {"retries": 1, "retry_delay": timedelta(0)}


def dbt_dag(
    dag_id: str,
    *,
    project: str = "branching",
    operator_args: dict[str, Any] | None = None,
    producer: dict[str, Any] | None = None,
    start_order: StartOrder = StartOrder.DEPENDENCY,
    variables: dict[str, Any] | None = None,
) -> DbtDag:
    folder = PROJECTS / project
    mapping = PostgresUserPasswordProfileMapping(conn_id="warehouse", profile_args={"schema": dag_id, "threads": 4})
    return DbtDag(
        dag_id,
        project_config=ProjectConfig(folder, manifest_path=folder / "target" / "manifest.json"),
        profile_config=ProfileConfig(profile_name="warehouse", target_name="test", profile_mapping=mapping),
        execution_config=ExecutionConfig(setup_operator_args=producer or {}, start_order=start_order),
        operator_args={"vars": {"run": "{{ run_id }}", **(variables or {})}, **(operator_args or {})},
        schedule=None,
    )


nodes_are_retried = dbt_dag("nodes_are_retried", operator_args=TRIED_AGAIN, producer={"retries": 0})
nodes_are_retried_at_once = dbt_dag(
    "nodes_are_retried_at_once",
    operator_args=TRIED_AGAIN,
    producer={"retries": 0},
    start_order=StartOrder.ALL_AT_ONCE,
)
all_is_retried = dbt_dag("all_is_retried", operator_args=TRIED_AGAIN)
producer_is_retried = dbt_dag("producer_is_retried", producer=TRIED_AGAIN)
cleared_by_hand = dbt_dag("cleared_by_hand")
killed = dbt_dag("killed", operator_args=TRIED_AGAIN, variables={"sleep": 0.3})
killed_at_end = dbt_dag("killed_at_end", operator_args=TRIED_AGAIN, variables={"sleep_at_end": 20})
nobody_retries = dbt_dag("nobody_retries", variables={"sleep": 0.3})
waits_wide = dbt_dag("waits_wide", project="wide", start_order=StartOrder.ALL_AT_ONCE, variables={"sleep": 1.5})
