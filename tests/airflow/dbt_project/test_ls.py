from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heliograph.airflow.constants import InvocationMode
from heliograph.airflow.dbt_project.ls import dbt_command, parse_lines
from heliograph.airflow.errors import ConfigError, DbtListError


def test_log_lines_between_nodes_are_passed_over() -> None:
    output = """20:00:00  Running with dbt=1.11.16
{"unique_id": "model.shop.a", "name": "a", "resource_type": "model", "package_name": "shop", "new_key": 1}
{"not": "a node"}

20:00:01  [WARNING]: {something}
{"unique_id": "seed.shop.b", "name": "b", "resource_type": "seed", "package_name": "shop", "depends_on": {"macros": []}}
"""

    assert [node.unique_id for node in parse_lines(output)] == ["model.shop.a", "seed.shop.b"]


def test_a_node_that_cannot_be_read_is_told() -> None:
    with pytest.raises(DbtListError, match=r"cannot be read .*resource_type.*model\.shop\.a"):
        list(parse_lines('{"unique_id": "model.shop.a", "name": "a"}'))


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
