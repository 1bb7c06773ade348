"""Which project folder counts when the DAG file is parsed and which when dbt runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from heliograph.airflow.config.execution import ExecutionConfig
from heliograph.airflow.config.project import ProjectConfig, require_project_file
from heliograph.airflow.config.render import RenderConfig
from heliograph.airflow.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ProjectPaths:
    """The project folder for each of the two moments.

    Attributes:
        render_dir: folder dbt lists nodes in; None where only a manifest is given.
        execution_dir: folder dbt runs in, on the worker.
    """

    render_dir: Path | None
    execution_dir: Path


def resolve_paths(project: ProjectConfig, render: RenderConfig, execution: ExecutionConfig) -> ProjectPaths:
    """The project folders the three configs mean together.

    Raises:
        ConfigError: there is neither a project nor a manifest, no folder to run dbt in, or the folder to list
            nodes in is no dbt project.
    """
    render_dir = project.project_dir if render.dbt_project_path is None else Path(render.dbt_project_path)
    execution_dir = project.project_dir if execution.dbt_project_path is None else Path(execution.dbt_project_path)
    if render_dir is None and project.manifest_path is None:
        raise ConfigError(
            "There is neither a dbt project nor a manifest to read the nodes from",
            setting="ProjectConfig.dbt_project_path, ProjectConfig.manifest_path",
            fix="give dbt_project_path, the folder of the project, or manifest_path, its manifest.json",
        )
    if execution_dir is None:
        raise ConfigError(
            "There is no project folder to run dbt in",
            setting="ProjectConfig.dbt_project_path, ExecutionConfig.dbt_project_path",
            fix="give the folder of the dbt project; a manifest alone says what to render, not what to run",
        )
    if render.dbt_project_path is not None and render_dir is not None:
        require_project_file(render_dir, setting="RenderConfig.dbt_project_path")
    return ProjectPaths(render_dir=render_dir, execution_dir=execution_dir)
