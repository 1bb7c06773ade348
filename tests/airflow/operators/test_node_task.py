"""What a node's task does on a worker besides running dbt."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk import Asset
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

from heliograph.airflow.config import ProfileConfig
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.node_sensor import DbtNodeSensor
from heliograph.producer.command import CommandResult
from shop_project import ShopProject


@pytest.fixture
def arguments(shop: ShopProject) -> dict[str, Any]:
    return {
        "task_id": "orders_run",
        "project_dir": shop.folder,
        "profile_config": ProfileConfig("shop", "dev", profiles_yml_filepath=shop.profiles_yml),
        "unique_id": "model.shop.orders",
        "resource_type": "model",
        "producer_task_id": "dbt_producer_watcher",
    }


def trigger_arguments(task: DbtNodeSensor) -> dict[str, Any]:
    assert task.start_trigger_args is not None
    assert task.start_trigger_args.trigger_kwargs is not None
    return task.start_trigger_args.trigger_kwargs


def test_the_callback_gets_the_context_with_names_and_results(arguments: dict[str, Any]) -> None:
    told: list[Any] = []
    task = DbtNodeSensor(on_warning_callback=told.append, **arguments)
    context: Any = {"run_id": "manual__1"}

    task.resume(context, {"ended": "success", "warned": [["unique_id", "Got 2 results"], ["not_null_id", "Got 1"]]})

    assert told == [
        {
            "run_id": "manual__1",
            "test_names": ["unique_id", "not_null_id"],
            "test_results": ["Got 2 results", "Got 1"],
        }
    ]
    assert context == {"run_id": "manual__1"}


def test_without_a_warning_the_callback_is_not_called(arguments: dict[str, Any]) -> None:
    told: list[Any] = []
    task = DbtNodeSensor(on_warning_callback=told.append, outlets=[Asset("a")], **arguments)

    task.resume({}, {"ended": "success", "warned": []})

    assert told == []


def test_an_exception_in_the_callback_is_logged_and_the_task_stays_a_success(
    arguments: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(context: Any) -> None:
        raise ValueError("no such channel")

    task = DbtNodeSensor(on_warning_callback=broken, **arguments)
    task.resume({}, {"ended": "success", "warned": [["unique_id", "Got 2 results"]]})

    logged = capsys.readouterr().out
    assert "no such channel" in logged
    assert "Traceback" in logged


def test_the_sql_becomes_a_rendered_field(arguments: dict[str, Any]) -> None:
    task = DbtNodeSensor(outlets=[Asset("a")], **arguments)

    task.resume({}, {"ended": "success", "compiled_sql": "select 1"})

    assert task.compiled_sql == "select 1"
    assert "compiled_sql" in task.template_fields
    assert task.overwrite_rtif_after_execution


def test_a_retry_that_ran_dbt_itself_tells_warnings_and_sql_of_its_own_nodes_only(arguments: dict[str, Any]) -> None:
    told: list[Any] = []
    entries = [
        {"unique_id": "model.shop.orders", "status": "success", "compiled_code": "select 1"},
        {"unique_id": "test.shop.own.1a", "status": "warn", "message": "Got 2\nresults", "compiled_code": None},
        {"unique_id": "test.shop.other.2b", "status": "warn", "message": "Got 1 result"},
    ]
    result = CommandResult(exit_code=0, run_results={"results": entries})
    model = DbtNodeSensor(**arguments)
    tests = DbtNodeSensor(on_warning_callback=told.append, tests=True, **{**arguments, "task_id": "test"})

    model.ran({}, ["model.shop.orders"], result)
    tests.ran({}, ["test.shop.own.1a"], result)

    assert model.compiled_sql == "select 1"
    assert told == [{"test_names": ["own"], "test_results": ["Got 2 results"]}]


def test_sql_cannot_be_passed(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="compiled_sql of task orders_run"):
        DbtNodeSensor(compiled_sql="select 1", **arguments)


def test_ends_that_dag_test_hands_on_become_the_tasks_own(arguments: dict[str, Any]) -> None:
    task = DbtNodeSensor(**arguments)

    task.resume({}, "success")
    with pytest.raises(AirflowSkipException):
        task.resume({}, "skipped")
    with pytest.raises(AirflowException, match="The node failed"):
        task.resume({}, "failed")


def test_the_trigger_is_told_what_is_to_be_done_on_a_worker(arguments: dict[str, Any]) -> None:
    plain = trigger_arguments(DbtNodeSensor(**arguments))
    busy = trigger_arguments(
        DbtNodeSensor(on_warning_callback=print, outlets=[Asset("a")], except_tests=("test.shop.t",), **arguments)
    )

    assert not {"resume_on", "except_tests"} & plain.keys()
    assert (busy["resume_on"], busy["except_tests"]) == (["warning", "success"], ["test.shop.t"])
