"""DbtDag: a DAG whose tasks are the nodes of a dbt project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG

from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.rendering.project_tasks import render_project


class DbtDag(DAG):
    """Renders a dbt project as a DAG: one task runs dbt, and each node's task ends as the node ended.

    Args:
        dag_id: as in Airflow.
        project_config: which project.
        profile_config: how dbt connects.
        execution_config: how dbt runs.
        render_config: which nodes become tasks, and how.
        operator_args: keyword arguments for every operator: Airflow's own (``retries``, ``pool``, ...) and dbt's
            (``vars``, ``full_refresh``, ...).
        **dag_arguments: everything Airflow's DAG takes.

    Attributes:
        dbt_graph: the nodes of the project.
        tasks_map: the task or task group of each node, by its unique id.
    """

    def __init__(
        self,
        dag_id: str,
        *,
        project_config: ProjectConfig,
        profile_config: ProfileConfig,
        execution_config: ExecutionConfig | None = None,
        render_config: RenderConfig | None = None,
        operator_args: Mapping[str, Any] | None = None,
        **dag_arguments: Any,
    ) -> None:
        super().__init__(dag_id, **dag_arguments)
        rendered = render_project(
            dag=self,
            group=None,
            project_config=project_config,
            profile_config=profile_config,
            execution_config=execution_config,
            render_config=render_config,
            operator_args=operator_args,
        )
        self.dbt_graph = rendered.dbt_graph
        self.tasks_map = rendered.tasks_map
