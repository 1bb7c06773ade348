from __future__ import annotations

import pytest

from heliograph.airflow.config import ExecutionConfig, RenderConfig
from heliograph.airflow.constants import ExecutionMode, InvocationMode, StartOrder
from heliograph.airflow.errors import ConfigError


@pytest.mark.parametrize(("given", "kept"), [("tag:a tag:b", ("tag:a tag:b",)), (["a", "b"], ("a", "b")), (None, ())])
def test_a_selection_is_one_text_or_a_list(given: str | list[str], kept: tuple[str, ...]) -> None:
    config = RenderConfig(select=given, exclude=given)

    assert config.select == config.exclude == kept


def test_a_selection_of_something_else_is_told() -> None:
    with pytest.raises(ConfigError, match=r"not a list of texts.*RenderConfig\.exclude"):
        RenderConfig(exclude=[1])  # type: ignore[list-item]  # the point of the test


@pytest.mark.parametrize("config", [RenderConfig, ExecutionConfig])
def test_dbts_entry_point_and_an_executable_exclude_each_other(config: type[RenderConfig | ExecutionConfig]) -> None:
    with pytest.raises(ConfigError) as caught:
        config(invocation_mode=InvocationMode.DBT_RUNNER, dbt_executable_path="/opt/dbt/bin/dbt")

    assert f"{config.__name__}.dbt_executable_path" in str(caught.value)


def test_nodes_are_watched_by_default() -> None:
    assert ExecutionConfig().execution_mode is ExecutionMode.WATCHER


def test_the_start_order_may_be_given_as_text() -> None:
    assert ExecutionConfig(start_order="all_at_once").start_order is StartOrder.ALL_AT_ONCE  # type: ignore[arg-type]


def test_an_unknown_start_order_is_told() -> None:
    with pytest.raises(ConfigError, match=r"'sideways' is no start order.*ExecutionConfig\.start_order"):
        ExecutionConfig(start_order="sideways")  # type: ignore[arg-type]  # the point of the test
