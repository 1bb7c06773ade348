"""The DAGs of the end-to-end tests. Airflow's safe mode looks for the words dag and airflow."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

from heliograph.airflow import (
    DbtDag,
    DbtTaskGroup,
    ExecutionConfig,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
    StartOrder,
    TestBehavior,
)
from heliograph.airflow.profiles import PostgresUserPasswordProfileMapping

PROJECT = Path(os.environ["HELIOGRAPH_E2E_PROJECT"])


def profile(schema: str) -> ProfileConfig:
    mapping = PostgresUserPasswordProfileMapping(conn_id="warehouse", profile_args={"schema": schema, "threads": 4})
    return ProfileConfig(profile_name="warehouse", target_name="test", profile_mapping=mapping)


def dbt_dag(
    dag_id: str, *, select: list[str] | None = None, exclude: list[str] | None = None, **arguments: Any
) -> DbtDag:
    return DbtDag(
        dag_id,
        project_config=ProjectConfig(PROJECT, manifest_path=PROJECT / "target" / "manifest.json"),
        profile_config=profile(dag_id),
        render_config=RenderConfig(select=select or [], exclude=exclude or ["tag:recovers"]),
        schedule=None,
        **arguments,
    )


in_dependency_order = dbt_dag("in_dependency_order")
all_at_once = dbt_dag("all_at_once", execution_config=ExecutionConfig(start_order=StartOrder.ALL_AT_ONCE))
breaks = dbt_dag("breaks", operator_args={"vars": {"break": True}})
breaks_all_at_once = dbt_dag(
    "breaks_all_at_once",
    operator_args={"vars": {"break": True}},
    execution_config=ExecutionConfig(start_order=StartOrder.ALL_AT_ONCE),
)
slow = dbt_dag("slow", operator_args={"vars": {"sleep": 1}})
does_not_compile = dbt_dag("does_not_compile", operator_args={"vars": {"does_not_compile": True}})
recovers = dbt_dag(
    "recovers",
    select=["tag:recovers"],
    exclude=["resource_type:seed"],
    operator_args={"retries": 1, "retry_delay": timedelta(seconds=0)},
    execution_config=ExecutionConfig(setup_operator_args={"retries": 0}),
)

with DAG("in_a_group", schedule=None) as in_a_group:
    before = EmptyOperator(task_id="before")
    after = EmptyOperator(task_id="after")
    group = DbtTaskGroup(
        "warehouse",
        project_config=ProjectConfig(PROJECT),
        profile_config=profile("in_a_group"),
        render_config=RenderConfig(exclude=["tag:recovers"], test_behavior=TestBehavior.NONE),
    )
    before >> group >> after
