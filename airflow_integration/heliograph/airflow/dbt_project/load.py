"""The nodes of a project and which of them a DAG renders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from heliograph.airflow.config.execution import ExecutionConfig
from heliograph.airflow.config.paths import resolve_paths
from heliograph.airflow.config.profile import ProfileConfig
from heliograph.airflow.config.project import ProjectConfig
from heliograph.airflow.config.render import RenderConfig
from heliograph.airflow.constants import LoadMode
from heliograph.airflow.dbt_project.ls import ListRequest, list_nodes
from heliograph.airflow.dbt_project.ls_cache import LsCache
from heliograph.airflow.dbt_project.manifest import read_manifest
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.dbt_project.project_file import project_name
from heliograph.airflow.dbt_project.selector.select import select_nodes
from heliograph.airflow.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class DbtGraph:
    """A project as far as it was read.

    Attributes:
        project_name: dbt's name of the root project.
        load_method: where the nodes came from: DBT_MANIFEST or DBT_LS.
        nodes: all nodes, by unique id. ``dbt ls`` tells only the selected ones.
        filtered_nodes: the selected nodes, tests and sources among them, in a fixed order.
    """

    project_name: str
    load_method: LoadMode
    nodes: Mapping[str, DbtNode]
    filtered_nodes: Mapping[str, DbtNode]


def load_graph(
    *,
    project: ProjectConfig,
    render: RenderConfig,
    execution: ExecutionConfig,
    profile: ProfileConfig | None,
    cache_dir: Path | None = None,
) -> DbtGraph:
    """Read the project's nodes as ``render.load_method`` says, and select.

    ``cache_dir`` is where the output of ``dbt ls`` is kept, by default a folder for temporary files; the rest are the
    configs of the DAG. ``profile`` may be missing where a manifest is read.

    Raises:
        ConfigError: the configs contradict each other or lack what the load method needs.
        ManifestError: the manifest cannot be read.
        SelectorError: an expression is not understood.
        DbtListError: dbt could not list the nodes.
    """
    paths = resolve_paths(project, render, execution)
    if _load_method(project, render) is LoadMode.DBT_MANIFEST:
        return _from_manifest(project, render, execution)
    if paths.render_dir is None:
        raise _missing("dbt_project_path", "the folder of the project", "LoadMode.DBT_LS")
    return _from_dbt_ls(paths.render_dir, project, render, execution, profile, cache_dir)


def _load_method(project: ProjectConfig, render: RenderConfig) -> LoadMode:
    if render.load_method is not LoadMode.AUTOMATIC:
        return render.load_method
    return LoadMode.DBT_LS if project.manifest_path is None else LoadMode.DBT_MANIFEST


def _from_manifest(project: ProjectConfig, render: RenderConfig, execution: ExecutionConfig) -> DbtGraph:
    if project.manifest_file is None:
        raise _missing("manifest_path", "the path of its manifest.json", "LoadMode.DBT_MANIFEST")
    manifest = read_manifest(project.manifest_file)
    name = project.project_name or manifest.project_name
    selected = select_nodes(
        manifest.nodes,
        select=render.select,
        exclude=render.exclude,
        indirect_selection=execution.test_indirect_selection,
        project_name=name,
    )
    return DbtGraph(project_name=name, load_method=LoadMode.DBT_MANIFEST, nodes=manifest.nodes, filtered_nodes=selected)


def _from_dbt_ls(
    project_dir: Path,
    project: ProjectConfig,
    render: RenderConfig,
    execution: ExecutionConfig,
    profile: ProfileConfig | None,
    cache_dir: Path | None,
) -> DbtGraph:
    if profile is None:
        raise ConfigError(
            "LoadMode.DBT_LS runs dbt, which needs a profile",
            setting="profile_config",
            fix="give a ProfileConfig, or read the nodes from ProjectConfig.manifest_path",
        )
    request = ListRequest(
        project_dir=project_dir,
        profile=profile,
        select=render.select,
        exclude=render.exclude,
        indirect_selection=execution.test_indirect_selection,
        dbt_vars=project.dbt_vars or {},
        env_vars=project.env_vars or {},
        install_deps=project.install_dbt_deps,
        partial_parse=project.partial_parse,
        invocation_mode=render.invocation_mode,
        dbt_executable_path=render.dbt_executable_path,
    )
    listed = {node.unique_id: node for node in list_nodes(request, cache=LsCache(project_dir, folder=cache_dir))}
    return DbtGraph(
        project_name=project.project_name or project_name(project_dir),
        load_method=LoadMode.DBT_LS,
        nodes=listed,
        filtered_nodes=listed,
    )


def _missing(field: str, what: str, mode: str) -> ConfigError:
    return ConfigError(
        f"{mode} needs {what}", setting=f"ProjectConfig.{field}", fix=f"give {field}, or choose another load_method"
    )
