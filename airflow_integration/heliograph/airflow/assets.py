"""The Airflow asset that stands for a dbt node's table or view.

Its URI is ``<namespace>/<database>/<schema>/<identifier>``. Namespaces follow OpenLineage's naming of datasets
(https://openlineage.io/docs/spec/naming), so that assets of other Airflow tasks on the same warehouse match.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from airflow.sdk import Asset

from heliograph.airflow.config import ProfileConfig
from heliograph.airflow.dbt_project.nodes import DbtNode
from heliograph.airflow.errors import ConfigError, ProfileError

_log = logging.getLogger(__name__)

Profile = Mapping[str, Any]


def _server(scheme: str, *, host: str = "host") -> Callable[[Profile], str]:
    return lambda profile: f"{scheme}://{profile[host]}:{profile['port']}"


def _on_port(scheme: str, port: int) -> Callable[[Profile], str]:
    return lambda profile: f"{scheme}://{profile['host']}:{profile.get('port', port)}"


def _athena(profile: Profile) -> str:
    return f"awsathena://athena.{profile['region_name']}.amazonaws.com"


def _glue(profile: Profile) -> str:
    account = str(profile["role_arn"]).split(":")[4]
    return f"arn:aws:glue:{profile['region']}:{account}"


def _duckdb(profile: Profile) -> str:
    path = str(profile.get("path", ":memory:"))
    return f"duckdb://{path if '://' in path or path.startswith(':') else Path(path).absolute()}"


NAMESPACES: Mapping[str, Callable[[Profile], str]] = {
    "athena": _athena,
    "bigquery": lambda _: "bigquery",
    "clickhouse": _server("clickhouse"),
    "databricks": lambda profile: f"databricks://{profile['host']}",
    "dremio": _server("dremio", host="software_host"),
    "duckdb": _duckdb,
    "glue": _glue,
    "postgres": _on_port("postgres", 5432),
    "redshift": _on_port("redshift", 5439),
    "snowflake": lambda profile: f"snowflake://{profile['account']}",
    "spark": _on_port("spark", 10000),
    "sqlserver": lambda profile: f"mssql://{profile['server']}:{profile.get('port', 1433)}",
    "trino": _on_port("trino", 8080),
}
"""How to call the warehouse, by dbt adapter, from the profile."""


def namespace(profile_config: ProfileConfig, env_vars: Mapping[str, str] | None = None) -> str | None:
    """The namespace of everything a profile's target writes; None, and a warning, for an adapter without assets.

    Reads the Connection of a profile mapping. ``env_vars``: what dbt gets over this process's environment.

    Raises:
        ConfigError: the profile does not tell what the namespace is made of.
        ProfileError: there is no such Connection, or it lacks a field.
    """
    profile = _profile(profile_config, {**os.environ, **(env_vars or {})})
    adapter = str(profile.get("type"))
    make = NAMESPACES.get(adapter)
    if make is None:
        _log.warning("No assets are emitted: there is no asset namespace for the dbt adapter %s", adapter)
        return None
    try:
        return make(profile)
    except (KeyError, IndexError) as error:
        raise ConfigError(
            f"The profile of target {profile_config.target_name!r} lacks {error}, which the assets of {adapter} name",
            setting="RenderConfig.emit_datasets, ProfileConfig",
            fix="give it in the profile, or set emit_datasets=False",
        ) from error


def asset_of(node: DbtNode, namespace: str) -> Asset | None:
    """The asset of a node that leaves a relation behind; None for others, and where its names are not ASCII."""
    if not node.is_buildable or node.is_ephemeral or node.relation is None:
        return None
    relation = node.relation
    uri = f"{namespace}/{relation.database}/{relation.schema}/{relation.identifier}"
    if not uri.isascii():
        _log.warning("%s has no asset: Airflow takes only ASCII names, not %s", node.unique_id, uri)
        return None
    return Asset(uri)


def _profile(config: ProfileConfig, env: Mapping[str, str]) -> Profile:
    if config.profile_mapping is not None:
        return config.profile_mapping.profile
    profiles = yaml.safe_load(Path(str(config.profiles_yml_filepath)).read_text(encoding="utf-8"))
    try:
        output = profiles[config.profile_name]["outputs"][config.target_name]
        return {name: _rendered(value, env) for name, value in output.items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise _unreadable(f"there is no target {config.target_name!r} in profile {config.profile_name!r}") from error


def _rendered(value: object, env: Mapping[str, str]) -> object:
    """The value with its ``env_var`` expressions resolved, the part of dbt's Jinja that profiles use."""
    if not isinstance(value, str) or "{{" not in value:
        return value
    from jinja2.exceptions import TemplateError
    from jinja2.sandbox import SandboxedEnvironment

    def env_var(name: str, default: str | None = None) -> str:
        # A variable that only the worker has (a password) is not needed here.
        return env.get(name, default if default is not None else "")

    environment = SandboxedEnvironment(autoescape=False)
    environment.filters.update(as_bool=str, as_number=str, as_text=str, as_native=str)
    try:
        return environment.from_string(value).render(env_var=env_var)
    except TemplateError as error:
        raise _unreadable(str(error)) from error


def _unreadable(problem: str) -> ProfileError:
    return ProfileError(
        f"The profiles.yml cannot be read for assets: {problem}",
        setting="RenderConfig.emit_datasets, ProfileConfig.profiles_yml_filepath",
        fix="use only env_var() in it, or set emit_datasets=False",
    )
