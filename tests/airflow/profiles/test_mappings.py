from __future__ import annotations

import json
from pathlib import Path

import pytest

from heliograph.airflow.config import ProfileConfig
from heliograph.airflow.errors import ConfigError, ProfileError
from heliograph.airflow.profiles import (
    BaseProfileMapping,
    DuckDBUserPasswordProfileMapping,
    PostgresUserPasswordProfileMapping,
    profile_mappings,
)
from shop_project import run_dbt


@pytest.fixture
def tiny_project(tmp_path: Path) -> Path:
    """A dbt project with one model."""
    folder = tmp_path / "tiny"
    (folder / "models").mkdir(parents=True)
    (folder / "dbt_project.yml").write_text("name: tiny\nprofile: shop\n")
    (folder / "models" / "one.sql").write_text("select 1 as one")
    return folder


def _connection(monkeypatch: pytest.MonkeyPatch, conn_id: str, **fields: object) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(fields))


def _postgres(monkeypatch: pytest.MonkeyPatch, conn_id: str = "warehouse", **fields: object) -> None:
    given: dict[str, object] = {
        "conn_type": "postgres",
        "host": "db.example.com",
        "login": "ada",
        "password": "s3cr3t",
        "schema": "shop",
    }
    _connection(monkeypatch, conn_id, **{**given, **fields})


def test_a_postgres_profile_takes_its_values_from_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    _postgres(monkeypatch, port=5433, extra={"sslmode": "require"})
    mapping = PostgresUserPasswordProfileMapping("warehouse", {"schema": "marts", "threads": 8})

    assert mapping.profile == {
        "type": "postgres",
        "host": "db.example.com",
        "user": "ada",
        "password": "{{ env_var('HELIOGRAPH_CONN_WAREHOUSE_PASSWORD') }}",
        "port": 5433,
        "dbname": "shop",
        "sslmode": "require",
        "schema": "marts",
        "threads": 8,
    }
    assert mapping.env_vars == {"HELIOGRAPH_CONN_WAREHOUSE_PASSWORD": "s3cr3t"}


def test_profile_args_stand_over_the_connection_and_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    _postgres(monkeypatch)
    mapping = PostgresUserPasswordProfileMapping("warehouse", {"host": "other", "password": "given"})

    assert mapping.profile["host"] == "other"
    assert mapping.profile["port"] == 5432
    assert list(mapping.env_vars.values()) == ["given"]
    assert "given" not in mapping.profiles_yml("shop", "dev")


def test_a_duckdb_profile_is_the_file_of_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    _connection(monkeypatch, "duck", conn_type="duckdb", host="/data/shop.duckdb")

    mapping = DuckDBUserPasswordProfileMapping("duck")

    assert mapping.profile == {"type": "duckdb", "path": "/data/shop.duckdb"}
    assert mapping.env_vars == {}


def test_a_connection_without_a_password_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _postgres(monkeypatch, password=None)
    config = ProfileConfig("shop", "dev", profile_mapping=PostgresUserPasswordProfileMapping("warehouse"))

    with pytest.raises(ProfileError) as caught, config.ensure_profile():
        pass

    message = str(caught.value)
    assert "The Airflow Connection 'warehouse'" in message
    assert "password (password)" in message
    assert "Setting: Connection warehouse, fields password" in message
    assert "Fix:" in message


def test_every_missing_field_is_told_with_its_place_in_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    _postgres(monkeypatch, login=None, schema="")

    with pytest.raises(ProfileError, match=r"user \(login\), dbname \(schema\)"):
        _ = PostgresUserPasswordProfileMapping("warehouse").profile


def test_a_connection_that_does_not_exist_is_told() -> None:
    with pytest.raises(ProfileError, match=r"no Airflow Connection 'no_such_connection'.*conn_id"):
        _ = PostgresUserPasswordProfileMapping("no_such_connection").profile


def test_profile_args_cannot_name_another_adapter() -> None:
    with pytest.raises(ConfigError, match="makes a profile of type 'duckdb', not 'postgres'"):
        DuckDBUserPasswordProfileMapping("duck", {"type": "postgres"})


def test_connections_do_not_share_environment_variables() -> None:
    conn_ids = ["warehouse", "Warehouse", "ware_house", "ware-house", "ware.house", "été"]

    names = {PostgresUserPasswordProfileMapping(conn_id).env_var_name("password") for conn_id in conn_ids}

    assert len(names) == len(conn_ids)
    assert all(name.isascii() and name.isidentifier() for name in names)


def test_claims_only_complete_connections_of_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    _postgres(monkeypatch, "whole")
    _postgres(monkeypatch, "no_password", password=None)
    _connection(monkeypatch, "duck", conn_type="duckdb", host="x")

    claimed = [
        PostgresUserPasswordProfileMapping(conn_id).can_claim_connection()
        for conn_id in ("whole", "no_password", "duck")
    ]

    assert claimed == [True, False, False]


def test_made_up_values_hold_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = PostgresUserPasswordProfileMapping("warehouse", {"password": "given", "schema": "marts"})

    assert mapping.mock_profile["password"] == "mock"
    assert mapping.mock_profile["schema"] == "marts"


@pytest.mark.parametrize("mapping", profile_mappings, ids=lambda mapping: mapping.__name__)
def test_dbt_parses_with_made_up_values(mapping: type[BaseProfileMapping], tiny_project: Path) -> None:
    config = ProfileConfig("shop", "dev", profile_mapping=mapping("no_such_connection"))

    with config.ensure_profile(use_mock_values=True) as profile:
        run_dbt(["parse", "--profiles-dir", str(profile.path.parent)], project=tiny_project)

    assert (tiny_project / "target" / "manifest.json").exists()


def test_dbt_parses_with_a_postgres_connection(monkeypatch: pytest.MonkeyPatch, tiny_project: Path) -> None:
    _postgres(monkeypatch, password="1234")
    config = ProfileConfig("shop", "prod", profile_mapping=PostgresUserPasswordProfileMapping("warehouse"))

    with config.ensure_profile() as profile:
        where = ["--profiles-dir", str(profile.path.parent), "--profile", "shop", "--target", "prod"]
        run_dbt(["parse", *where], project=tiny_project, env=profile.env_vars)

    assert json.loads((tiny_project / "target" / "manifest.json").read_text())["metadata"]["adapter_type"] == "postgres"


def test_dbt_connects_with_a_duckdb_connection(
    monkeypatch: pytest.MonkeyPatch, tiny_project: Path, tmp_path: Path
) -> None:
    _connection(monkeypatch, "duck", conn_type="duckdb", host=str(tmp_path / "shop.duckdb"))
    config = ProfileConfig("shop", "dev", profile_mapping=DuckDBUserPasswordProfileMapping("duck"))

    with config.ensure_profile() as profile:
        where = ["--profiles-dir", str(profile.path.parent), "--profile", "shop", "--target", "dev"]
        said = run_dbt(["debug", *where], project=tiny_project, env=profile.env_vars)

    assert "All checks passed!" in said
    assert (tmp_path / "shop.duckdb").exists()


def test_an_unknown_name_is_no_mapping() -> None:
    with pytest.raises(ImportError):
        from heliograph.airflow.profiles import OracleUserPasswordProfileMapping  # noqa: F401 (the import is the test)
