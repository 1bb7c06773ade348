"""DbtTaskGroup: a task group whose tasks are the nodes of a dbt project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import TaskGroup

from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.operators.node_task import WarningCallback
from heliograph.airflow.rendering.project_tasks import render_project


class DbtTaskGroup(TaskGroup):
    """As ``DbtDag``, inside a larger DAG. What is upstream of the group is upstream of dbt and of every root node.

    Args:
        group_id: as in Airflow.
        **group_arguments: everything Airflow's TaskGroup takes.

    The other arguments and the attributes are those of ``DbtDag``.
    """

    def __init__(
        self,
        group_id: str = "dbt_task_group",
        *,
        project_config: ProjectConfig,
        profile_config: ProfileConfig,
        execution_config: ExecutionConfig | None = None,
        render_config: RenderConfig | None = None,
        operator_args: Mapping[str, Any] | None = None,
        on_warning_callback: WarningCallback | None = None,
        **group_arguments: Any,
    ) -> None:
        super().__init__(group_id=group_id, **group_arguments)
        rendered = render_project(
            dag=self.dag,
            group=self,
            project_config=project_config,
            profile_config=profile_config,
            execution_config=execution_config,
            render_config=render_config,
            operator_args=operator_args,
            on_warning_callback=on_warning_callback,
        )
        self.dbt_graph = rendered.dbt_graph
        self.tasks_map = rendered.tasks_map
