"""From the four configs to the tasks of a dbt project: what DbtDag and DbtTaskGroup share."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.sdk import DAG, BaseOperator, TaskGroup

from heliograph.airflow import settings
from heliograph.airflow.assets import namespace
from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.dbt_project.load import DbtGraph, load_graph
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.node_task import WarningCallback
from heliograph.airflow.rendering.airflow_tasks import TaskArguments, add_tasks
from heliograph.airflow.rendering.operator_arguments import producer_arguments, sensor_arguments
from heliograph.airflow.rendering.queues import producer_queue
from heliograph.airflow.rendering.sensors import SensorArguments
from heliograph.airflow.rendering.task_plan import plan_tasks

_log = logging.getLogger(__name__)


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
    on_warning_callback: WarningCallback | None = None,
) -> ProjectTasks:
    """Loads the project and adds its tasks to the DAG.

    Raises:
        ConfigError, ManifestError, SelectorError, DbtListError: the message names the field and the fix.
    """
    execution = execution_config or ExecutionConfig()
    render = render_config or RenderConfig()
    graph = load_graph(project=project_config, render=render, execution=execution, profile=profile_config)
    plan = plan_tasks(
        graph.filtered_nodes.values(),
        test_behavior=render.test_behavior,
        detach_tests=render.should_detach_multiple_parents_tests,
        sources=render.source_rendering_behavior,
        root_package=graph.project_name,
        prefix_length=0 if group is None else len(f"{group.group_id}."),
    )
    if not plan.tasks:
        _log.warning("%s", _nothing_selected(dag, render))
    given = dict(operator_args or {})
    callback = given.pop("on_warning_callback", None)
    common = sensor_arguments(
        project=project_config, profile=profile_config, execution=execution, render=render, operator_args=given
    )
    producer = producer_arguments(common, execution)
    producer |= {**producer_queue(producer), **({"check_freshness": True} if plan.checks_freshness else {})}
    producer["told_by_tasks"] = plan.told
    emits = settings.emit_datasets() if render.emit_datasets is None else render.emit_datasets
    sensor = SensorArguments(
        common=common,
        nodes=graph.filtered_nodes,
        on_warning_callback=on_warning_callback or callback,
        asset_namespace=namespace(profile_config, project_config.env_vars) if emits else None,
    )
    tasks_map = add_tasks(
        plan,
        dag=dag,
        group=group,
        start_order=execution.start_order or settings.start_order(),
        arguments=TaskArguments(producer=producer, sensor=sensor),
    )
    return ProjectTasks(dbt_graph=graph, tasks_map=tasks_map)


def _nothing_selected(dag: DAG, render: RenderConfig) -> ConfigError:
    asked = f"select={list(render.select)}, exclude={list(render.exclude)}"
    return ConfigError(
        f"DAG {dag.dag_id}: the selection matches nothing ({asked}), so no node gets a task",
        setting="RenderConfig.select, RenderConfig.exclude",
        fix="compare it with what `dbt ls` lists for the same selection",
    )
