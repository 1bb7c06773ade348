"""The DAGs of the outcome matrix: one for each case and warehouse. Airflow's safe mode looks for dag and airflow."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

from heliograph.airflow import (
    DbtDag,
    DbtTaskGroup,
    ExecutionConfig,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
    StartOrder,
)
from heliograph.airflow.profiles import PostgresUserPasswordProfileMapping

OUTCOMES = Path(os.environ["HELIOGRAPH_E2E_OUTCOMES"])
SMALL = ["+tag:small"]

# What each case gives to DbtDag: dbt's vars and flags, the selection, the project, the start order.
CASES: dict[str, dict[str, Any]] = {
    "every_outcome": {"exclude": ["tag:left_out"]},
    "every_outcome_at_once": {"exclude": ["tag:left_out"], "start_order": StartOrder.ALL_AT_ONCE},
    "only_others_fail": {"exclude": ["tag:left_out"], "vars": {"broken": False, "others_fail": True}},
    "fail_fast": {"select": ["tag:fails_fast"], "fail_fast": True},
    "hook_at_start_skips": {"select": SMALL, "vars": {"others_fail": True}, "project": "strict_hooks"},
    "nothing_rendered": {"select": ["tag:of_nothing"]},
    "nothing_selected": {"select": SMALL, "flags": ["--exclude", "*"]},
    "does_not_compile": {"select": SMALL, "vars": {"does_not_compile": True}},
    "missing_package": {"select": SMALL, "project": "without_package"},
}
# What a test ends by hand: the DAG run, and the producer, each in the state that the name tells.
BY_HAND = [f"by_hand_{what}" for what in ("run_failed", "success", "failed", "skipped")]
HELD_BACK = [f"held_back_{state}" for state in ("success", "failed", "skipped")]


def profile(warehouse: str, dag_id: str) -> ProfileConfig:
    if warehouse == "duckdb":
        path = OUTCOMES / "project" / "profiles.yml"
        return ProfileConfig(profile_name="outcomes", target_name="duckdb", profiles_yml_filepath=path)
    mapping = PostgresUserPasswordProfileMapping(conn_id="warehouse", profile_args={"schema": dag_id, "threads": 4})
    return ProfileConfig(profile_name="outcomes", target_name="postgres", profile_mapping=mapping)


def outcome_dag(
    case: str,
    warehouse: str,
    *,
    select: list[str] | None = None,
    exclude: list[str] | None = None,
    vars: dict[str, Any] | None = None,  # noqa: A002  # dbt's word
    fail_fast: bool = False,
    project: str = "project",
    start_order: StartOrder = StartOrder.DEPENDENCY,
    flags: list[str] | None = None,
) -> DbtDag:
    dag_id = f"{case}_{warehouse}"
    folder = OUTCOMES / "runs" / dag_id
    return DbtDag(
        dag_id,
        project_config=ProjectConfig(OUTCOMES / project, manifest_path=OUTCOMES / warehouse / "manifest.json"),
        profile_config=profile(warehouse, dag_id),
        render_config=RenderConfig(select=select or [], exclude=exclude or []),
        execution_config=ExecutionConfig(start_order=start_order, setup_operator_args={"pool": "dbt_at_once"}),
        operator_args={
            "retries": 0,
            "vars": vars or {},
            "fail_fast": fail_fast,
            "dbt_cmd_flags": ["--target-path", str(folder), "--log-path", str(folder), *(flags or [])],
        },
        schedule=None,
    )


def held_back_dag(dag_id: str) -> DAG:
    """A group whose producer can be ended before it starts: the task before it waits for a slot of a closed pool."""
    with DAG(dag_id, schedule=None) as dag:
        before = BashOperator(task_id="before", bash_command="true", pool="closed")
        group = DbtTaskGroup(
            "warehouse",
            project_config=ProjectConfig(OUTCOMES / "project", manifest_path=OUTCOMES / "postgres" / "manifest.json"),
            profile_config=profile("postgres", dag_id),
            render_config=RenderConfig(select=SMALL),
            operator_args={"retries": 0},
        )
        before >> group
    return dag


warehouses = os.environ["HELIOGRAPH_E2E_WAREHOUSES"].split(",")
for warehouse in warehouses:
    for case, arguments in CASES.items():
        globals()[f"{case}_{warehouse}"] = outcome_dag(case, warehouse, **arguments)
if "postgres" in warehouses:
    for case in BY_HAND:
        globals()[case] = outcome_dag(case, "postgres", select=SMALL, vars={"sleeping": True})
    for dag_id in HELD_BACK:
        globals()[dag_id] = held_back_dag(dag_id)
