from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heliograph.airflow.constants import InvocationMode
from heliograph.airflow.dbt_project.find_dbt import dbt_command
from heliograph.airflow.errors import ConfigError


def test_dbt_of_this_environment_is_called_by_default() -> None:
    assert dbt_command(None, None) == [sys.executable, "-P", "-m", "dbt.cli.main"]


def test_as_a_subprocess_the_executable_beside_python_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert dbt_command(InvocationMode.SUBPROCESS, None) == [str(Path(sys.executable).parent / "dbt")]


def test_a_folder_called_dbt_is_not_taken_for_dbt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "dbt").mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "dbt", raising=False)

    with pytest.raises(ConfigError, match=r"no dbt to list .*RenderConfig\.dbt_executable_path.*Fix: install dbt"):
        dbt_command(None, None)
