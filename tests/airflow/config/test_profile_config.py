from __future__ import annotations

import os
from pathlib import Path

import pytest

from heliograph.airflow.config import ProfileConfig
from heliograph.airflow.errors import ConfigError, ProfileError
from heliograph.airflow.profiles import DuckDBUserPasswordProfileMapping, PostgresUserPasswordProfileMapping

PROFILES = """
config:
  send_anonymous_usage_stats: false
shop:
  target: "{{ env_var('TARGET', 'dev') }}"
  outputs:
    dev:
      type: duckdb
      path: "{{ env_var('SHOP_DUCKDB_PATH') }}"
    prod: {type: duckdb, path: prod.duckdb}
"""


@pytest.fixture
def profiles_yml(tmp_path: Path) -> Path:
    path = tmp_path / "profiles.yml"
    path.write_text(PROFILES)
    return path


def test_a_given_file_is_used_where_it_is(profiles_yml: Path) -> None:
    with ProfileConfig("shop", "prod", profiles_yml_filepath=str(profiles_yml)).ensure_profile() as profile:
        assert profile.path == profiles_yml
        assert profile.env_vars == {}


@pytest.mark.parametrize(
    ("profile", "target", "said", "field"),
    [
        ("shop", "staging", "no target 'staging' in profile 'shop'", "target_name"),
        ("store", "dev", "no profile 'store' in", "profile_name"),
    ],
)
def test_an_unknown_name_is_told_with_those_there_are(
    profiles_yml: Path, profile: str, target: str, said: str, field: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        ProfileConfig(profile, target, profiles_yml_filepath=profiles_yml)

    message = str(caught.value)
    assert said in message
    assert ("it holds: dev, prod" if field == "target_name" else "it holds: shop") in message
    assert f"ProfileConfig.{field}" in message
    assert str(profiles_yml) in message


@pytest.mark.parametrize(
    "text",
    [
        "shop:\n  outputs:\n    \"{{ env_var('T') }}\":\n      type: duckdb\n",
        "shop:\n{% if true %}\n  outputs: {}\n{% endif %}\n",
        'shop:\n  outputs: "{{ something }}"\n',
        "shop: null\n",
    ],
    ids=["target named by jinja", "jinja around yaml", "outputs from jinja", "nothing in the profile"],
)
def test_what_only_dbt_can_judge_is_left_to_dbt(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profiles.yml"
    path.write_text(text)

    assert ProfileConfig("shop", "dev", profiles_yml_filepath=path).target_name == "dev"


def test_a_file_that_is_no_yaml_is_told(tmp_path: Path) -> None:
    path = tmp_path / "profiles.yml"
    path.write_text("shop: [")

    with pytest.raises(ProfileError, match=r"is not YAML.*ProfileConfig\.profiles_yml_filepath"):
        ProfileConfig("shop", "dev", profiles_yml_filepath=path)


def test_an_empty_file_holds_no_profile(tmp_path: Path) -> None:
    path = tmp_path / "profiles.yml"
    path.touch()

    with pytest.raises(ProfileError, match=r"no profile 'shop' in .* it holds: none"):
        ProfileConfig("shop", "dev", profiles_yml_filepath=path)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no profiles\.yml at .*ProfileConfig\.profiles_yml_filepath.*Fix: give"):
        ProfileConfig("shop", "dev", profiles_yml_filepath=tmp_path / "profiles.yml")


def test_neither_file_nor_mapping_is_told() -> None:
    with pytest.raises(ConfigError, match=r"Neither of profiles_yml_filepath and profile_mapping.*give exactly one"):
        ProfileConfig("shop", "dev")


def test_both_file_and_mapping_is_told(profiles_yml: Path) -> None:
    with pytest.raises(ConfigError, match="Both of profiles_yml_filepath and profile_mapping"):
        ProfileConfig("shop", "dev", profiles_yml, DuckDBUserPasswordProfileMapping("duck"))


def test_a_file_made_from_a_connection_is_private_holds_no_secret_and_goes_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", "postgres://ada:s3cr3t@db.example.com:5433/shop")
    config = ProfileConfig("shop", "dev", profile_mapping=PostgresUserPasswordProfileMapping("warehouse"))

    with config.ensure_profile() as profile:
        assert "s3cr3t" not in profile.path.read_text()
        assert list(profile.env_vars.values()) == ["s3cr3t"]
        assert profile.path.parent.stat().st_mode & 0o077 == 0
        assert not set(profile.env_vars) & set(os.environ)
    assert not profile.path.exists()


def test_made_up_values_need_no_connection() -> None:
    config = ProfileConfig("shop", "dev", profile_mapping=PostgresUserPasswordProfileMapping("no_such_connection"))

    with config.ensure_profile(use_mock_values=True) as profile:
        assert "type: postgres" in profile.path.read_text()
        assert profile.env_vars == {}
