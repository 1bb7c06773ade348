"""DbtDag: a DAG whose tasks are the nodes of a dbt project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG

from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.operators.node_task import WarningCallback
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
            (``vars``, ``full_refresh``, ...). Single nodes get more from their ``meta``.
        on_warning_callback: called on a worker with Airflow's context, in it the lists ``test_names`` and
            ``test_results``, when a test or the freshness of a source warned; wins over one in ``operator_args``.
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
        on_warning_callback: WarningCallback | None = None,
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
            on_warning_callback=on_warning_callback,
        )
        self.dbt_graph = rendered.dbt_graph
        self.tasks_map = rendered.tasks_map
