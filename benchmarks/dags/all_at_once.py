"""The generated project as an Airflow DAG whose sensors start in the order `all_at_once`."""

import os
from pathlib import Path

from heliograph.airflow import DbtDag, ExecutionConfig, ProfileConfig, ProjectConfig, StartOrder

PROJECT = Path(os.environ["BENCHMARK_PROJECT"])

bench = DbtDag(
    dag_id="all_at_once",
    project_config=ProjectConfig(PROJECT, manifest_path=PROJECT / "manifest.json"),
    profile_config=ProfileConfig("bench", "dev", profiles_yml_filepath=PROJECT / "profiles.yml"),
    execution_config=ExecutionConfig(start_order=StartOrder.ALL_AT_ONCE),
)
