"""Which dbt project a DAG runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from heliograph.airflow.constants import DBT_PROJECT_FILENAME
from heliograph.airflow.errors import ConfigError


@dataclass(frozen=True)
class ProjectConfig:
    """The dbt project and what it is run with.

    Attributes:
        dbt_project_path: folder that holds ``dbt_project.yml``.
        install_dbt_deps: run ``dbt deps`` first, where the project names packages.
        manifest_path: a ``manifest.json`` of the project, read instead of asking dbt.
        project_name: dbt's name of the project; read from the manifest or the project file where not given.
        env_vars: environment variables for dbt, when it lists and when it builds.
        dbt_vars: dbt's ``--vars``; a manifest was made with its own, so they change nothing in one.
        partial_parse: let dbt reuse what it parsed before.

    Raises:
        ConfigError: ``dbt_project_path`` holds no ``dbt_project.yml``.
    """

    dbt_project_path: str | Path | None = None
    _: KW_ONLY
    install_dbt_deps: bool = True
    manifest_path: str | Path | None = None
    project_name: str | None = None
    env_vars: Mapping[str, str] | None = None
    dbt_vars: Mapping[str, Any] | None = None
    partial_parse: bool = True

    def __post_init__(self) -> None:
        if self.project_dir is not None:
            require_project_file(self.project_dir, setting="ProjectConfig.dbt_project_path")

    @property
    def project_dir(self) -> Path | None:
        """``dbt_project_path`` as a path."""
        return None if self.dbt_project_path is None else Path(self.dbt_project_path)

    @property
    def manifest_file(self) -> Path | None:
        """``manifest_path`` as a path."""
        return None if self.manifest_path is None else Path(self.manifest_path)


def require_project_file(project_dir: Path, *, setting: str) -> None:
    """Raises ConfigError, naming ``setting``, unless the folder holds a ``dbt_project.yml``."""
    if (project_dir / DBT_PROJECT_FILENAME).is_file():
        return
    problem = (
        f"No {DBT_PROJECT_FILENAME} in {project_dir}" if project_dir.is_dir() else f"{project_dir} is not a folder"
    )
    raise ConfigError(
        problem,
        setting=setting,
        fix=f"give the folder of the dbt project, the one that holds {DBT_PROJECT_FILENAME}",
    )
