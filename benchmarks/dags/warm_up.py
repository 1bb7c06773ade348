"""One model of the generated project: what is run before anything is measured."""

import os
from pathlib import Path

from heliograph.airflow import DbtDag, ProfileConfig, ProjectConfig, RenderConfig

PROJECT = Path(os.environ["BENCHMARK_PROJECT"])

bench = DbtDag(
    dag_id="warm_up",
    project_config=ProjectConfig(PROJECT, manifest_path=PROJECT / "manifest.json"),
    profile_config=ProfileConfig("bench", "dev", profiles_yml_filepath=PROJECT / "profiles.yml"),
    render_config=RenderConfig(select=["layer_0_model_0000"]),
)
