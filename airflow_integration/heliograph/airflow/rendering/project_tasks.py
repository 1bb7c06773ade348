"""From the four configs to the tasks of a dbt project: what DbtDag and DbtTaskGroup share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG, BaseOperator, TaskGroup

from heliograph.airflow import settings
from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.config.paths import resolve_paths
from heliograph.airflow.constants import TestBehavior, TestIndirectSelection
from heliograph.airflow.dbt_project.load import DbtGraph, load_graph
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.rendering.airflow_tasks import TaskArguments, add_tasks
from heliograph.airflow.rendering.task_plan import plan_tasks

_log = logging.getLogger(__name__)

# What dbt builds when tests are not wanted.
_WITHOUT_TESTS = ["--resource-type", "model", "--resource-type", "seed", "--resource-type", "snapshot"]
_OWNED = ("select", "exclude", "project_dir", "profile_config")


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectTasks:
    """What rendering leaves behind for DAG authors.

    Attributes:
        dbt_graph: all nodes of the project, and the selected ones.
        tasks_map: the task, or the task group, of each rendered node by its unique id.
    """

    dbt_graph: DbtGraph
    tasks_map: Mapping[str, BaseOperator | TaskGroup]


def render_project(
    *,
    dag: DAG,
    group: TaskGroup | None,
    project_config: ProjectConfig,
    profile_config: ProfileConfig,
    execution_config: ExecutionConfig | None,
    render_config: RenderConfig | None,
    operator_args: Mapping[str, Any] | None,
) -> ProjectTasks:
    """Loads the project and adds its tasks to the DAG.

    Raises:
        ConfigError, ManifestError, SelectorError, DbtListError: the message names the field and the fix.
    """
    execution = execution_config or ExecutionConfig()
    render = render_config or RenderConfig()
    graph = load_graph(project=project_config, render=render, execution=execution, profile=profile_config)
    plan = plan_tasks(
        graph.filtered_nodes.values(), test_behavior=render.test_behavior, root_package=graph.project_name
    )
    if not plan.tasks:
        _log.warning("%s", _nothing_selected(dag, render))
    sensor = _sensor_arguments(project_config, profile_config, execution, render, operator_args or {})
    tasks_map = add_tasks(
        plan,
        dag=dag,
        group=group,
        start_order=execution.start_order or settings.start_order(),
        arguments=TaskArguments(producer=_producer_arguments(sensor, execution, render), sensor=sensor),
    )
    return ProjectTasks(dbt_graph=graph, tasks_map=tasks_map)


def _nothing_selected(dag: DAG, render: RenderConfig) -> ConfigError:
    asked = f"select={list(render.select)}, exclude={list(render.exclude)}"
    return ConfigError(
        f"DAG {dag.dag_id}: the selection matches nothing ({asked}), so no node gets a task",
        setting="RenderConfig.select, RenderConfig.exclude",
        fix="compare it with what `dbt ls` lists for the same selection",
    )


def _sensor_arguments(
    project: ProjectConfig,
    profile: ProfileConfig,
    execution: ExecutionConfig,
    render: RenderConfig,
    operator_args: Mapping[str, Any],
) -> dict[str, Any]:
    for name in _OWNED:
        if name in operator_args:
            raise ConfigError(
                f"operator_args holds {name!r}, which the configs decide",
                setting="operator_args",
                fix="use RenderConfig.select and .exclude, ProjectConfig.dbt_project_path, or profile_config",
            )
    given = dict(operator_args)
    dbt_vars = {**(project.dbt_vars or {}), **(given.pop("vars", None) or {})}
    env = {**(project.env_vars or {}), **(given.pop("env", None) or {})}
    indirect = execution.test_indirect_selection
    return {
        "project_dir": resolve_paths(project, render, execution).execution_dir,
        "profile_config": profile,
        "exclude": list(render.exclude),
        "vars": dbt_vars or None,
        "env": env or None,
        "indirect_selection": indirect.value if indirect is not TestIndirectSelection.EAGER else None,
        "dbt_executable_path": execution.dbt_executable_path,
        "invocation_mode": execution.invocation_mode,
        "install_deps": project.install_dbt_deps,
        "partial_parse": project.partial_parse,
        **given,
    }


def _producer_arguments(sensor: Mapping[str, Any], execution: ExecutionConfig, render: RenderConfig) -> dict[str, Any]:
    producer = {**sensor, "select": list(render.select), **(execution.setup_operator_args or {})}
    if render.test_behavior is TestBehavior.NONE:
        producer["dbt_cmd_flags"] = [*producer.get("dbt_cmd_flags", ()), *_WITHOUT_TESTS]
    return producer
