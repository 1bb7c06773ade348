"""Mappings from Airflow Connections to dbt profiles, one module for each dbt adapter; loaded when first named."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heliograph.airflow.profiles.base import BaseProfileMapping
    from heliograph.airflow.profiles.duckdb import DuckDBUserPasswordProfileMapping
    from heliograph.airflow.profiles.postgres import PostgresUserPasswordProfileMapping

    profile_mappings: list[type[BaseProfileMapping]]

_MAPPINGS = {
    "DuckDBUserPasswordProfileMapping": "duckdb",
    "PostgresUserPasswordProfileMapping": "postgres",
}
_MODULES = {"BaseProfileMapping": "base", **_MAPPINGS}

__all__ = [
    "BaseProfileMapping",
    "DuckDBUserPasswordProfileMapping",
    "PostgresUserPasswordProfileMapping",
    "profile_mappings",
]


def __getattr__(name: str) -> Any:
    if name == "profile_mappings":
        return [__getattr__(mapping) for mapping in _MAPPINGS]
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
