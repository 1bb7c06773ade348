"""The shop's dbt project as an Airflow DAG."""

from pathlib import Path

from heliograph.airflow import DbtDag, ProfileConfig, ProjectConfig

SHOP = Path(__file__).parents[1] / "shop"

shop = DbtDag(
    dag_id="shop",
    project_config=ProjectConfig(SHOP),
    profile_config=ProfileConfig(profile_name="shop", target_name="dev", profiles_yml_filepath=SHOP / "profiles.yml"),
)
