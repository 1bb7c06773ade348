"""Finds the dbt to list nodes with, without importing it."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

from heliograph.airflow.constants import InvocationMode
from heliograph.airflow.errors import ConfigError


def dbt_command(mode: InvocationMode | None, executable: str | Path | None) -> list[str]:
    """How to start dbt: the executable given, else dbt of this Python environment, else ``dbt`` on the PATH.

    Raises:
        ConfigError: there is none.
    """
    if executable is not None:
        if (found := shutil.which(str(executable))) is None:
            raise ConfigError(
                f"There is no executable {executable}",
                setting="RenderConfig.dbt_executable_path",
                fix="give the path of a dbt executable, or leave it out to use the dbt of this environment",
            )
        return [found]
    if mode is not InvocationMode.SUBPROCESS and _is_dbt_importable():
        # -P: a file in the project folder must not stand in for a module of the same name.
        return [sys.executable, "-P", "-m", "dbt.cli.main"]
    beside_python = shutil.which("dbt", path=str(Path(sys.executable).parent))
    found = None if mode is InvocationMode.DBT_RUNNER else beside_python or shutil.which("dbt")
    if found is None:
        raise ConfigError(
            "There is no dbt to list the nodes of the project with",
            setting="RenderConfig.dbt_executable_path",
            fix="install dbt here, give the path of a dbt executable, or give ProjectConfig.manifest_path",
        )
    return [found]


def _is_dbt_importable() -> bool:
    """Whether dbt is installed here; a mere folder ``dbt`` on the path, as many DAG folders hold, is not dbt."""
    spec = find_spec("dbt")
    return spec is not None and spec.origin is not None
