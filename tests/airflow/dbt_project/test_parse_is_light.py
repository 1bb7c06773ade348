"""What the DAG processor and every worker pay when a DAG file is parsed."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from shop_project import ShopProject

_PARSE = """
import json, sys
from heliograph.airflow.config import ExecutionConfig, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.dbt_project.load import load_graph
from heliograph.airflow.profiles import PostgresUserPasswordProfileMapping
from heliograph.airflow.rendering.task_plan import plan_tasks

project = ProjectConfig(sys.argv[1], manifest_path=sys.argv[2])
profile = ProfileConfig("shop", "dev", profile_mapping=PostgresUserPasswordProfileMapping("warehouse"))
render = RenderConfig(select=["+report"])
graph = load_graph(project=project, render=render, execution=ExecutionConfig(), profile=profile)
plan = plan_tasks(graph.filtered_nodes.values(), root_package=graph.project_name)
print(json.dumps({"tasks": len(plan.tasks), "modules": sorted(sys.modules)}))
"""


@pytest.fixture(scope="module")
def parsed(shop: ShopProject) -> dict[str, list[str]]:
    done = subprocess.run(
        [sys.executable, "-c", _PARSE, str(shop.folder), str(shop.manifest)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, list[str]] = json.loads(done.stdout)
    assert answer["tasks"]
    return answer


@pytest.mark.parametrize("package", ["dbt", "dbt_common", "pika", "aio_pika", "sqlite3", "aiosqlite", "airflow"])
def test_loading_and_planning_a_project_does_not_import(package: str, parsed: dict[str, list[str]]) -> None:
    assert [name for name in parsed["modules"] if name.split(".")[0] == package] == []
