from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk import Asset

from heliograph.airflow import DbtDag, ProfileConfig, ProjectConfig, RenderConfig
from heliograph.airflow.assets import NAMESPACES, asset_of, namespace
from heliograph.airflow.dbt_project.nodes import DbtNode, Relation
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.profiles import PostgresUserPasswordProfileMapping
from heliograph.bus.errors import HeliographError
from shop_project import ShopProject


def profile(folder: Path, **output: Any) -> ProfileConfig:
    path = folder / "profiles.yml"
    path.write_text(yaml.safe_dump({"shop": {"target": "dev", "outputs": {"dev": output}}}))
    return ProfileConfig("shop", "dev", profiles_yml_filepath=path)


def node(resource_type: str = "model", **more: Any) -> DbtNode:
    given: dict[str, Any] = {"relation": Relation(database="shop", schema="main", identifier="orders_v2"), **more}
    return DbtNode(
        unique_id=f"{resource_type}.shop.orders",
        resource_type=resource_type,
        package_name="shop",
        dbt_name="orders",
        **given,
    )


WAREHOUSES: list[tuple[str, dict[str, Any], str]] = [
    ("athena", {"region_name": "eu-west-1"}, "awsathena://athena.eu-west-1.amazonaws.com"),
    ("bigquery", {"project": "p"}, "bigquery"),
    ("clickhouse", {"host": "ch", "port": 9000}, "clickhouse://ch:9000"),
    ("databricks", {"host": "dbc.example.com"}, "databricks://dbc.example.com"),
    ("dremio", {"software_host": "dremio", "port": 9047}, "dremio://dremio:9047"),
    ("duckdb", {"path": "/data/shop.duckdb"}, "duckdb:///data/shop.duckdb"),
    ("glue", {"region": "eu-west-1", "role_arn": "arn:aws:iam::123456:role/dbt"}, "arn:aws:glue:eu-west-1:123456"),
    ("postgres", {"host": "db", "port": 5433}, "postgres://db:5433"),
    ("redshift", {"host": "rs"}, "redshift://rs:5439"),
    ("snowflake", {"account": "xy12345.eu-west-1"}, "snowflake://xy12345.eu-west-1"),
    ("spark", {"host": "spark", "port": 10001}, "spark://spark:10001"),
    ("sqlserver", {"server": "ms"}, "mssql://ms:1433"),
    ("trino", {"host": "trino", "port": 8443}, "trino://trino:8443"),
]


@pytest.mark.parametrize(("adapter", "output", "expected"), WAREHOUSES)
def test_each_warehouse_has_its_namespace(tmp_path: Path, adapter: str, output: dict[str, Any], expected: str) -> None:
    assert namespace(profile(tmp_path, type=adapter, **output)) == expected


def test_every_adapter_is_covered() -> None:
    assert {adapter for adapter, _, _ in WAREHOUSES} == set(NAMESPACES)


def test_environment_variables_of_the_profile_are_resolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAREHOUSE_HOST", "from-airflow")
    config = profile(
        tmp_path,
        type="postgres",
        host="{{ env_var('WAREHOUSE_HOST') }}",
        port="{{ env_var('WAREHOUSE_PORT', '5444') | as_number }}",
        password="{{ env_var('ONLY_ON_THE_WORKER') }}",
    )

    assert namespace(config) == "postgres://from-airflow:5444"
    assert namespace(config, {"WAREHOUSE_HOST": "from-dag"}) == "postgres://from-dag:5444"


def test_a_connection_tells_the_namespace_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://user:secret@db.example.com:5555/shop")
    mapping = PostgresUserPasswordProfileMapping(conn_id="warehouse", profile_args={"schema": "main"})

    assert namespace(ProfileConfig("shop", "dev", profile_mapping=mapping)) == "postgres://db.example.com:5555"


def test_an_adapter_without_assets_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert namespace(profile(tmp_path, type="oracle")) is None
    assert "no asset namespace for the dbt adapter oracle" in caplog.text


def test_a_profile_that_does_not_tell_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lacks 'account'.*emit_datasets=False"):
        namespace(profile(tmp_path, type="snowflake"))


def test_jinja_that_only_dbt_understands_is_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(HeliographError, match=r"use only env_var\(\)"):
        namespace(profile(tmp_path, type="postgres", host="{{ my_macro() }}"))


@pytest.mark.parametrize("resource_type", ["model", "seed", "snapshot"])
def test_what_leaves_a_relation_behind_has_an_asset(resource_type: str) -> None:
    assert asset_of(node(resource_type), "postgres://db:5432") == Asset("postgres://db:5432/shop/main/orders_v2")


@pytest.mark.parametrize(
    "without",
    [node("test"), node("source"), node(relation=None), node(config={"materialized": "ephemeral"})],
    ids=["test", "source", "no relation", "ephemeral"],
)
def test_others_have_none(without: DbtNode) -> None:
    assert asset_of(without, "bigquery") is None


def test_names_that_airflow_does_not_take_are_told(caplog: pytest.LogCaptureFixture) -> None:
    relation = Relation(database="shop", schema="main", identifier="bücher")

    assert asset_of(node(relation=relation), "bigquery") is None
    assert "ASCII" in caplog.text


def dag(shop: ShopProject, **render: Any) -> DbtDag:
    return DbtDag(
        "shop",
        schedule=None,
        project_config=ProjectConfig(shop.folder, manifest_path=shop.manifest),
        profile_config=ProfileConfig("shop", "dev", profiles_yml_filepath=shop.profiles_yml),
        render_config=RenderConfig(**render),
    )


def outlets(dag: DbtDag) -> dict[str, list[str]]:
    return {task.task_id: [outlet.name for outlet in task.outlets] for task in dag.tasks if task.outlets}


def test_a_dag_emits_nothing_unless_asked(shop: ShopProject) -> None:
    assert outlets(dag(shop)) == {}


def test_each_node_that_leaves_a_relation_has_its_own_outlet(shop: ShopProject) -> None:
    found = outlets(dag(shop, emit_datasets=True, select=["+stg_customers", "+stg_amounts"]))

    assert found == {
        "raw_customers.seed": ["duckdb://:memory:/memory/main/raw_customers"],
        "raw_orders_seed": ["duckdb://:memory:/memory/main/raw_orders"],
        "stg_customers.run": ["duckdb://:memory:/memory/main/stg_customers"],
        "stg_orders.run": ["duckdb://:memory:/memory/main/stg_orders"],
    }


def test_the_setting_decides_where_the_dag_does_not(shop: ShopProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__EMIT_DATASETS", "True")

    assert outlets(dag(shop))
    assert outlets(dag(shop, emit_datasets=False)) == {}
