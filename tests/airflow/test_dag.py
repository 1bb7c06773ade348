"""DbtDag and DbtTaskGroup as Airflow objects, from a manifest that dbt made."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization

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
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.node_sensor import DbtNodeSensor
from heliograph.airflow.operators.producer import DbtProducerWatcherOperator
from shop_project import ShopProject

PRODUCER = "dbt_producer_watcher"


def configs(shop: ShopProject, **render: Any) -> dict[str, Any]:
    return {
        "project_config": ProjectConfig(shop.folder, manifest_path=shop.manifest, dbt_vars={"day": "2026-01-01"}),
        "profile_config": ProfileConfig("shop", "dev", profiles_yml_filepath=shop.profiles_yml),
        "render_config": RenderConfig(**render),
    }


def upstream(dag: DAG, task_id: str) -> set[str]:
    return set(dag.get_task(task_id).upstream_task_ids)


def rules(dag: DAG) -> dict[str, str]:
    return {task.task_id: task.trigger_rule.value for task in dag.tasks}


def test_roots_start_beside_the_producer_and_others_after_their_parents(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop))

    assert upstream(dag, "raw_orders_seed") == set()
    assert "stg_customers.run" in upstream(dag, "stg_customers.test")
    assert set(rules(dag).values()) == {"all_success"}


def test_the_producer_is_a_leaf_so_its_failure_fails_the_dag_run(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop))

    assert PRODUCER in {task.task_id for task in dag.leaves}


def test_all_at_once_lets_every_sensor_start(shop: ShopProject) -> None:
    execution = ExecutionConfig(start_order=StartOrder.ALL_AT_ONCE)
    dag = DbtDag("shop", schedule=None, execution_config=execution, **configs(shop))

    found = rules(dag)
    assert found.pop(PRODUCER) == "all_success"
    # What dbt inlines has no event of its own: it is never green before its upstream, nor behind a failed one.
    inlined = {task.task_id for task in dag.tasks if isinstance(task, EmptyOperator)}
    assert {found.pop(task_id) for task_id in inlined} == {"all_success"}
    assert set(found.values()) == {"always"}


def test_what_is_upstream_of_a_group_holds_back_the_producer_and_the_roots(shop: ShopProject) -> None:
    with DAG("pipeline", schedule=None) as dag:
        before = EmptyOperator(task_id="before")
        group = DbtTaskGroup("shop", **configs(shop))
        before >> group

    assert upstream(dag, f"shop.{PRODUCER}") == {"before"}
    assert upstream(dag, "shop.raw_orders_seed") == {"before"}
    assert rules(dag)["shop.raw_orders_seed"] == "all_success"
    sensor = dag.get_task("shop.raw_orders_seed")
    assert isinstance(sensor, DbtNodeSensor)
    assert sensor.producer_task_id == f"shop.{PRODUCER}"
    assert sensor.group_id == "shop"


def test_sensors_wait_in_the_triggerer_from_their_start(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop))
    stored = json.loads(json.dumps(DagSerialization.to_dict(dag)))
    read = DagSerialization.from_dict(stored)

    task = read.get_task("stg_customers.test")
    assert task.start_from_trigger is True
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_cls == "heliograph.airflow.triggers.NodeTrigger"
    assert task.start_trigger_args.next_method == "resume"
    assert not read.get_task(PRODUCER).start_from_trigger


def test_the_producer_builds_what_is_rendered(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop, select=["+report"], exclude=["customers"]))

    producer = dag.get_task(PRODUCER)
    assert isinstance(producer, DbtProducerWatcherOperator)
    line = producer.arguments().command_line("build")
    assert line[:5] == ["build", "--select", "+report", "--exclude", "customers"]
    assert json.loads(line[line.index("--vars") + 1]) == {"day": "2026-01-01"}


def test_without_tests_dbt_is_told_to_run_none(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop, test_behavior=TestBehavior.NONE))

    producer = dag.get_task(PRODUCER)
    assert isinstance(producer, DbtProducerWatcherOperator)
    flags = producer.arguments().command_line("build")
    assert [flags[i + 1] for i, flag in enumerate(flags) if flag == "--resource-type"] == ["model", "seed", "snapshot"]
    assert not [task_id for task_id in dag.task_ids if task_id.endswith(".test")]


def test_operator_args_reach_every_operator_and_setup_args_only_the_producer(shop: ShopProject) -> None:
    dag = DbtDag(
        "shop",
        schedule=None,
        operator_args={"retries": 3, "vars": {"limit": 5}},
        execution_config=ExecutionConfig(setup_operator_args={"pool": "dbt"}),
        **configs(shop),
    )

    assert {task.retries for task in dag.tasks if isinstance(task, DbtNodeSensor)} == {3}
    producer, sensor = dag.get_task(PRODUCER), dag.get_task("raw_orders_seed")
    assert (producer.retries, producer.pool, sensor.pool) == (3, "dbt", "default_pool")
    assert isinstance(sensor, DbtNodeSensor)
    assert sensor.vars == {"day": "2026-01-01", "limit": 5}


def test_a_selection_in_operator_args_is_refused_with_the_place_it_belongs_to(shop: ShopProject) -> None:
    with pytest.raises(ConfigError, match=r"RenderConfig\.select"):
        DbtDag("shop", schedule=None, operator_args={"select": ["orders"]}, **configs(shop))


def test_a_selection_that_matches_nothing_is_told(shop: ShopProject, caplog: pytest.LogCaptureFixture) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop, select=["tag:nobody_has_it"]))

    assert dag.task_ids == [PRODUCER]
    assert "DAG shop: the selection matches nothing (select=['tag:nobody_has_it'], exclude=[])" in caplog.text
    assert "RenderConfig.select" in caplog.text


def test_tasks_map_leads_from_a_node_to_its_task_or_group(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop))

    assert dag.tasks_map["seed.shop.raw_orders"] is dag.get_task("raw_orders_seed")
    assert dag.tasks_map["model.shop.stg_customers"].node_id == "stg_customers"
    assert dag.tasks_map[PRODUCER] is dag.get_task(PRODUCER)


def test_importing_and_rendering_loads_no_dbt_no_broker_client_and_no_events(shop: ShopProject) -> None:
    code = f"""
import sys
from heliograph.airflow import DbtDag, ProjectConfig, ProfileConfig
DbtDag("shop", schedule=None,
       project_config=ProjectConfig({str(shop.folder)!r}, manifest_path={str(shop.manifest)!r}),
       profile_config=ProfileConfig("shop", "dev", profiles_yml_filepath={str(shop.profiles_yml)!r}))
loaded = {{name.split(".")[0] for name in sys.modules}} | set(sys.modules)
print(sorted(loaded & {{"dbt", "pika", "aio_pika", "docker", "kubernetes", "heliograph.bus.events"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.splitlines()[-1] == "[]", done.stderr
