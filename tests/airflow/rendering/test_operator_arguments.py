from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.rendering.operator_arguments import (
    dbt_argument_names,
    fingerprint,
    node_arguments,
    of_test_task,
    overlaid,
)


def node(name: str = "orders", **meta: Any) -> DbtNode:
    return DbtNode(unique_id=f"model.shop.{name}", resource_type="model", package_name="shop", dbt_name=name, meta=meta)


def kwargs(**operator_kwargs: Any) -> dict[str, Any]:
    return {"operator_kwargs": operator_kwargs}


def test_a_node_says_its_own_arguments_under_either_name() -> None:
    assert node_arguments(node(cosmos=kwargs(pool="dbt"))) == {"pool": "dbt"}
    assert node_arguments(node(heliograph=kwargs(retries=3))) == {"retries": 3}
    assert node_arguments(node(owner="ada")) == {}


def test_our_name_goes_before_the_other_and_vars_are_laid_over_each_other() -> None:
    both = node(
        cosmos=kwargs(pool="old", queue="q", vars={"day": 1, "limit": 2}),
        heliograph=kwargs(pool="new", vars={"limit": 3}),
    )

    assert node_arguments(both) == {"pool": "new", "queue": "q", "vars": {"day": 1, "limit": 3}}


def test_durations_are_seconds() -> None:
    assert node_arguments(node(heliograph=kwargs(execution_timeout=90, retry_delay=1.5))) == {
        "execution_timeout": timedelta(seconds=90),
        "retry_delay": timedelta(seconds=1.5),
    }


@pytest.mark.parametrize(
    ("meta", "problem"),
    [
        ({"heliograph": ["pool"]}, r"\['pool'\] is not a mapping.*meta\.heliograph of model\.shop\.orders.*Fix: write"),
        ({"cosmos": {"operator_kwargs": "pool"}}, r"meta\.cosmos\.operator_kwargs of model\.shop\.orders"),
        ({"heliograph": kwargs(execution_timeout="soon")}, r"execution_timeout is 'soon'.*write seconds"),
        ({"heliograph": kwargs(select=["a"])}, r"'select', which the configs decide.*model\.shop\.orders"),
        ({"heliograph": kwargs(task_id="a")}, r"'task_id', which Heliograph decides.*leave it out"),
    ],
)
def test_a_malformed_block_names_node_field_and_fix(meta: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        node_arguments(node(**meta))


def test_a_test_task_takes_its_tests_arguments_over_its_nodes(caplog: pytest.LogCaptureFixture) -> None:
    tested = node(heliograph=kwargs(pool="models", queue="big"))

    assert of_test_task(tested, [node("t1", heliograph=kwargs(pool="tests"))]) == {"pool": "tests", "queue": "big"}
    assert caplog.text == ""


def test_of_tests_that_disagree_the_last_wins_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    tests = [node("t1", heliograph=kwargs(pool="one")), node("t2", heliograph=kwargs(pool="two"))]

    assert of_test_task(node(), tests) == {"pool": "two"}
    assert "takes pool='two' from model.shop.t2; model.shop.t1 says 'one'" in caplog.text


def test_vars_that_are_only_known_when_the_dag_runs_cannot_be_merged() -> None:
    late = object()

    assert overlaid({"vars": None}, {"vars": late}) == {"vars": late}
    with pytest.raises(ConfigError, match="given twice"):
        overlaid({"vars": {"day": 1}}, {"vars": late})


def test_only_dbt_arguments_tell_retries_apart() -> None:
    assert fingerprint({"pool": "dbt", "retries": 3}) is None
    assert fingerprint({"vars": {"a": 1, "b": 2}}) == fingerprint({"vars": {"b": 2, "a": 1}, "queue": "q"})
    assert fingerprint({"vars": {"a": 1}}) != fingerprint({"vars": {"a": 2}})


def test_dbt_arguments_are_those_of_the_command_not_airflows() -> None:
    assert {"vars", "full_refresh", "env", "dbt_cmd_flags", "install_deps"} <= dbt_argument_names()
    assert not {"pool", "retries", "queue", "select", "project_dir", "self", "kwargs"} & dbt_argument_names()
