"""``dag.test()``: everything in one process, no triggerer, events through the embedded log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shop_project import copy_shop, run_dbt

pytestmark = pytest.mark.e2e

DAG_FILE = """
import json, sys
from airflow.sdk import DAG
from airflow.providers.standard.operators.empty import EmptyOperator
from heliograph.airflow import DbtDag, DbtTaskGroup, ExecutionConfig, ProfileConfig, ProjectConfig
from heliograph.airflow import RenderConfig, StartOrder

FOLDER = {folder!r}
CONFIGS = dict(
    project_config=ProjectConfig(FOLDER, manifest_path=FOLDER + "/target/manifest.json"),
    profile_config=ProfileConfig("shop", "dev", profiles_yml_filepath=FOLDER + "/profiles.yml"),
)
warned = []

def on_warning(context):
    warned.append([context["ti"].task_id, context["test_names"], context["test_results"]])

whole = DbtDag(
    "whole", schedule=None, on_warning_callback=on_warning,
    render_config=RenderConfig(emit_datasets=True, should_detach_multiple_parents_tests=True), **CONFIGS)

with DAG("part", schedule=None) as part:
    before = EmptyOperator(task_id="before")
    before >> DbtTaskGroup(
        "shop", operator_args={{"retries": 1, "retry_delay": 0.1, "env": {{"SHOP_BREAK": "stg_orders"}}}},
        execution_config=ExecutionConfig(start_order=StartOrder.ALL_AT_ONCE),
        render_config=RenderConfig(select=["raw_customers", "raw_orders", "stg_orders", "daily"]), **CONFIGS)

if __name__ == "__main__":
    for dag in (whole, part):
        run = dag.test()
        states = {{ti.task_id: [str(ti.state), ti.try_number] for ti in run.get_task_instances()}}
        print("RESULT", json.dumps([dag.dag_id, str(run.state.value), states]))
    print("WARNED", json.dumps(warned))
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What ``dag.test()`` left behind."""

    states: Mapping[str, str]
    tasks: Mapping[str, Mapping[str, tuple[str, int]]]
    warned: list[Any]
    home: Path


def run(arguments: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], env=env, capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def tested(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    home = tmp_path_factory.mktemp("airflow")
    shop = copy_shop(home / "shop")
    broken = shop.folder / "models" / "staging" / "stg_orders.sql"
    broken.write_text(
        broken.read_text() + "\n{% if env_var('SHOP_BREAK', '') == 'stg_orders' %} where no_such_column {% endif %}\n"
    )
    warning = shop.folder / "models" / "staging" / "stg_customers.sql"
    warning.write_text(warning.read_text() + " union all select null, 'nobody'")
    snapshot = shop.folder / "snapshots" / "customers_history.yml"
    snapshot.write_text(snapshot.read_text().replace("data_tests: [not_null]", "data_tests: []"))
    (home / "dags").mkdir()
    dag_file = home / "dags" / "shop.py"
    dag_file.write_text(DAG_FILE.format(folder=str(shop.folder)))
    env = {
        **os.environ,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "SHOP_DUCKDB_PATH": str(home / "shop.duckdb"),
    }
    env.pop("AIRFLOW__HELIOGRAPH__BUS_URL", None)
    run_dbt(["--quiet", "parse", "--profiles-dir", "."], project=shop.folder, env=env)
    run(["-m", "airflow", "db", "migrate"], env)
    lines = [line.split(" ", 1) for line in run([str(dag_file)], env).splitlines() if " " in line]
    results = [json.loads(text) for word, text in lines if word == "RESULT"]
    return Outcome(
        states={dag_id: state for dag_id, state, _ in results},
        tasks={dag_id: {task: (found[0], found[1]) for task, found in tasks.items()} for dag_id, _, tasks in results},
        warned=next(json.loads(text) for word, text in lines if word == "WARNED"),
        home=home,
    )


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(home / "airflow.db")) as database:
        return database.execute(sql).fetchall()


def test_every_task_of_a_whole_dag_ends_with_success(tested: Outcome) -> None:
    assert tested.states["whole"] == "success"
    assert set(tested.tasks["whole"].values()) == {("success", 1)}
    assert "amounts_add_up_test" in tested.tasks["whole"]


def test_a_warning_calls_the_callback(tested: Outcome) -> None:
    ((task_id, names, results),) = tested.warned

    assert (task_id, names) == ("stg_customers.test", ["not_null_stg_customers_customer_id"])
    assert results[0].startswith("Got 1 result, configured to warn if")


def test_every_node_with_a_relation_emits_its_asset(tested: Outcome) -> None:
    events = query(
        tested.home,
        "select source_task_id, uri from asset_event join asset on asset.id = asset_event.asset_id order by 1",
    )

    by_task = dict(events)
    assert len(by_task) == len(events) == 12
    assert by_task["customers_v2.run"].endswith("/shop/main/customers_v2")


def test_the_sql_is_among_the_rendered_fields(tested: Outcome) -> None:
    ((fields,),) = query(
        tested.home,
        "select rendered_fields from rendered_task_instance_fields where task_id = 'customers_v2.run'",
    )

    assert "select" in json.loads(fields)["compiled_sql"]


def test_a_failed_node_is_retried_and_what_follows_it_is_told_truly(tested: Outcome) -> None:
    tasks = tested.tasks["part"]

    assert tested.states["part"] == "failed"
    assert tasks["before"] == ("success", 1)
    assert tasks["shop.raw_orders_seed"] == ("success", 1)
    assert tasks["shop.stg_orders.run"] == ("failed", 2)
    assert tasks["shop.daily.run"][0] in ("failed", "upstream_failed")
