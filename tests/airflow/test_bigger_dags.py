"""A dbt project inside a larger DAG: groups, neighbours, single nodes, late values, queues and per-node arguments."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, task
from airflow.serialization.serialized_objects import DagSerialization

from heliograph.airflow import (
    DbtDag,
    DbtTaskGroup,
    ExecutionConfig,
    ProfileConfig,
    ProjectConfig,
    RenderConfig,
    SourceRenderingBehavior,
)
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.node_sensor import DbtNodeSensor
from heliograph.airflow.operators.producer import DbtProducerWatcherOperator
from shop_project import ShopProject

PRODUCER = "dbt_producer_watcher"


def configs(shop: ShopProject, *, manifest: Any = None, **render: Any) -> dict[str, Any]:
    return {
        "project_config": ProjectConfig(shop.folder, manifest_path=manifest or shop.manifest),
        "profile_config": ProfileConfig("shop", "dev", profiles_yml_filepath=shop.profiles_yml),
        "render_config": RenderConfig(**render),
    }


def sensor(dag: DAG, task_id: str) -> DbtNodeSensor:
    found = dag.get_task(task_id)
    assert isinstance(found, DbtNodeSensor)
    return found


def producer(dag: DAG, task_id: str = PRODUCER) -> DbtProducerWatcherOperator:
    found = dag.get_task(task_id)
    assert isinstance(found, DbtProducerWatcherOperator)
    return found


def stored(dag: DAG) -> Any:
    """The DAG as Airflow's scheduler knows it."""
    return DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))


def trigger_arguments(task: DbtNodeSensor) -> dict[str, Any]:
    assert task.start_trigger_args is not None
    return task.start_trigger_args.trigger_kwargs or {}


def edit_manifest(shop: ShopProject, path: Any, edit: Any) -> Any:
    manifest = json.loads(shop.manifest.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))
    return path


def test_a_group_between_tasks_is_held_back_and_holds_back(shop: ShopProject) -> None:
    with DAG("pipeline", schedule=None) as dag:
        before, after = EmptyOperator(task_id="before"), EmptyOperator(task_id="after")
        before >> DbtTaskGroup("shop", **configs(shop)) >> after

    roots = {f"shop.{PRODUCER}", "shop.raw_customers.seed", "shop.raw_orders_seed", "shop.raw_days_seed"}
    assert dag.get_task("before").downstream_task_ids == roots
    assert f"shop.{PRODUCER}" in dag.get_task("after").upstream_task_ids
    assert "shop.report.test" in dag.get_task("after").upstream_task_ids
    assert stored(dag).get_task("after").trigger_rule == "all_success"


def test_several_groups_are_runs_of_their_own(shop: ShopProject) -> None:
    with DAG("pipeline", schedule=None) as dag:
        first = DbtTaskGroup("first", **configs(shop, select=["raw_orders"]))
        first >> DbtTaskGroup("second", **configs(shop, select=["stg_customers"]))

    assert trigger_arguments(sensor(dag, "first.raw_orders_seed"))["group_id"] == "first"
    second = trigger_arguments(sensor(dag, "second.stg_customers.run"))
    assert (second["group_id"], second["producer_task_id"]) == ("second", f"second.{PRODUCER}")
    assert dag.get_task(f"second.{PRODUCER}").upstream_task_ids == {"first.raw_orders_seed", f"first.{PRODUCER}"}


def test_a_task_can_follow_one_node_with_a_rule_of_its_own(shop: ShopProject) -> None:
    with DbtDag("shop", schedule=None, **configs(shop)) as dag:
        told = EmptyOperator(task_id="tell", trigger_rule="all_done")
        dag.tasks_map["model.shop.stg_customers"] >> told
        dag.tasks_map["seed.shop.raw_orders"] >> told

    assert stored(dag).get_task("tell").upstream_task_ids == {"stg_customers.test", "raw_orders_seed"}
    assert stored(dag).get_task("tell").trigger_rule == "all_done"


def test_depends_on_past_reaches_every_task(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, operator_args={"depends_on_past": True}, **configs(shop, select=["+report"]))

    found = {
        name: each.depends_on_past for name, each in stored(dag).task_dict.items() if each.task_type != "EmptyOperator"
    }
    assert set(found.values()) == {True}


def test_a_late_value_in_a_template_reaches_producer_and_retries(shop: ShopProject) -> None:
    late = {"day": "{{ ti.xcom_pull(task_ids='pick') }}"}
    dag = DbtDag("shop", schedule=None, operator_args={"vars": late}, **configs(shop, select=["raw_orders"]))

    assert producer(dag).vars == late
    assert sensor(dag, "raw_orders_seed").vars == late
    assert "vars" in producer(dag).template_fields


@pytest.mark.parametrize("whole", [True, False])
def test_a_late_value_of_a_task_makes_the_edges(shop: ShopProject, whole: bool) -> None:
    @task
    def pick() -> Any:
        return {"day": "2026-01-01"}

    with DAG("pipeline", schedule=None) as dag:
        picked: Any = pick()
        late: Any = picked if whole else {"day": picked["day"]}
        DbtTaskGroup("shop", operator_args={"vars": late}, **configs(shop, select=["raw_orders"]))

    assert dag.get_task(f"shop.{PRODUCER}").upstream_task_ids == {"pick"}
    assert dag.get_task("shop.raw_orders_seed").upstream_task_ids == {"pick"}
    assert stored(dag).get_task(f"shop.{PRODUCER}").upstream_task_ids == {"pick"}


def test_dbt_arguments_of_the_producer_reach_retries_and_airflows_do_not(shop: ShopProject) -> None:
    dag = DbtDag(
        "shop",
        schedule=None,
        operator_args={"vars": {"a": 1, "b": 1}},
        execution_config=ExecutionConfig(
            setup_operator_args={
                "vars": {"b": 2},
                "full_refresh": True,
                "queue": "big",
                "freshness_callback": print,
            }
        ),
        **configs(shop, select=["raw_orders"]),
    )

    retried = sensor(dag, "raw_orders_seed")
    assert (retried.vars, retried.full_refresh, retried.queue) == ({"a": 1, "b": 2}, True, "default")
    assert (producer(dag).vars, producer(dag).full_refresh, producer(dag).queue) == ({"a": 1, "b": 2}, True, "big")
    freshness_callback: Any = producer(dag).freshness_callback
    assert freshness_callback is print


def test_a_selection_in_the_producers_arguments_is_refused(shop: ShopProject) -> None:
    execution = ExecutionConfig(setup_operator_args={"exclude": ["report"]})

    with pytest.raises(ConfigError, match=r"'exclude', which the configs decide.*setup_operator_args"):
        DbtDag("shop", schedule=None, execution_config=execution, **configs(shop))


def test_arguments_of_single_nodes_come_from_either_place_of_meta(shop: ShopProject, tmp_path: Any) -> None:
    def edit(manifest: Any) -> None:
        orders, customers = manifest["nodes"]["model.shop.stg_orders"], manifest["nodes"]["model.shop.stg_customers"]
        orders["meta"] = {"cosmos": {"operator_kwargs": {"pool": "orders", "vars": {"limit": 5}}}}
        orders["config"]["meta"] = {}
        customers["config"]["meta"] = {"heliograph": {"operator_kwargs": {"retries": 4, "priority_weight": 9}}}

    manifest = edit_manifest(shop, tmp_path / "manifest.json", edit)
    dag = DbtDag("shop", schedule=None, operator_args={"vars": {"day": 1}}, **configs(shop, manifest=manifest))

    orders, customers = sensor(dag, "stg_orders.run"), sensor(dag, "stg_customers.run")
    assert (orders.pool, orders.vars) == ("orders", {"day": 1, "limit": 5})
    assert (customers.retries, customers.priority_weight, customers.vars) == (4, 9, {"day": 1})
    assert orders.arguments_key is not None
    assert customers.arguments_key is None
    assert sensor(dag, "stg_orders.test").pool == "orders"
    assert sensor(dag, "raw_orders_seed").pool == "default_pool"


def test_an_argument_airflow_does_not_know_names_the_node(shop: ShopProject, tmp_path: Any) -> None:
    def edit(manifest: Any) -> None:
        meta = {"heliograph": {"operator_kwargs": {"poool": "orders"}}}
        manifest["nodes"]["model.shop.stg_orders"]["config"]["meta"] = meta

    manifest = edit_manifest(shop, tmp_path / "manifest.json", edit)

    with pytest.raises(ConfigError, match=r"(?s)model\.shop\.stg_orders.*poool"):
        DbtDag("shop", schedule=None, **configs(shop, manifest=manifest))


def test_queues_come_from_the_settings_and_the_policy_finds_the_retry_queue(
    shop: ShopProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in ("producer", "consumer", "retry"):
        monkeypatch.setenv(f"AIRFLOW__HELIOGRAPH__{who.upper()}_QUEUE", who)
    defaults = {"queue": "from_default_args"}
    dag = stored(DbtDag("shop", schedule=None, default_args=defaults, **configs(shop, emit_datasets=True)))

    assert dag.get_task(PRODUCER).queue == "producer"
    assert (dag.get_task("stg_orders.run").queue, dag.get_task("stg_orders.run").retry_queue) == ("consumer", "retry")
    assert dag.get_task("stg_orders.test").queue == "retry"


def test_only_what_can_warn_has_the_warning_callback(shop: ShopProject) -> None:
    dag = DbtDag(
        "shop",
        schedule=None,
        operator_args={"on_warning_callback": repr},
        on_warning_callback=print,
        **configs(shop, should_detach_multiple_parents_tests=True),
    )

    assert sensor(dag, "stg_customers.test").on_warning_callback is print
    assert trigger_arguments(sensor(dag, "stg_customers.test"))["resume_on"] == ["warning"]
    assert sensor(dag, "amounts_add_up_test").on_warning_callback is print
    assert sensor(dag, "stg_customers.run").on_warning_callback is None
    assert "resume_on" not in trigger_arguments(sensor(dag, "stg_customers.run"))


def test_detached_tests_are_left_out_of_the_test_tasks_triggers(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop, should_detach_multiple_parents_tests=True))

    left_out = trigger_arguments(sensor(dag, "stg_customers.test"))["except_tests"]
    (relationships,) = [each for each in dag.tasks if each.task_id.startswith("relationships_")]
    assert isinstance(relationships, DbtNodeSensor)
    assert left_out == [relationships.unique_id]
    assert (relationships.resource_type, relationships.tests) == ("test", False)
    assert relationships.upstream_task_ids == {"report_run", "stg_customers.run"}


def test_sources_with_freshness_make_the_producer_check_it(shop: ShopProject, tmp_path: Any) -> None:
    def edit(manifest: Any) -> None:
        limits = {"warn_after": {"count": 1, "period": "day"}, "error_after": {"count": None, "period": None}}
        manifest["sources"]["source.shop.web.raw_orders"]["freshness"] = limits

    manifest = edit_manifest(shop, tmp_path / "manifest.json", edit)
    behavior = SourceRenderingBehavior.WITH_TESTS_OR_FRESHNESS
    dag = DbtDag("shop", schedule=None, **configs(shop, manifest=manifest, source_rendering_behavior=behavior))
    without = DbtDag("other", schedule=None, **configs(shop, source_rendering_behavior=SourceRenderingBehavior.ALL))

    assert producer(dag).check_freshness
    source = sensor(dag, "web_raw_orders.source")
    assert (source.unique_id, source.resource_type) == ("source.shop.web.raw_orders", "source")
    assert not producer(without).check_freshness
    assert isinstance(without.get_task("web_raw_clicks_source"), EmptyOperator)


def test_an_excluded_node_is_not_rendered(shop: ShopProject) -> None:
    dag = DbtDag("shop", schedule=None, **configs(shop, exclude=["stg_customers+", "tag:nightly"]))

    assert "model.shop.stg_customers" not in dag.tasks_map
    assert not [task_id for task_id in dag.task_ids if task_id.startswith("stg_customers")]
    assert not [each for each in dag.tasks if isinstance(each, DbtNodeSensor) and "stg_customers" in each.unique_id]
