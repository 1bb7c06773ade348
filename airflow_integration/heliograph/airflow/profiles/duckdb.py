"""DuckDB, a database file on the machine of the worker."""

from __future__ import annotations

from typing import ClassVar

from heliograph.airflow.profiles.base import BaseProfileMapping


class DuckDBUserPasswordProfileMapping(BaseProfileMapping):
    """A ``duckdb`` profile (https://docs.getdbt.com/docs/core/connect-data-platform/duckdb-setup).

    The database file is the Connection's host.
    """

    airflow_connection_type = "duckdb"
    dbt_profile_type = "duckdb"
    required_fields = ("path",)
    connection_fields: ClassVar = {"path": ("host",)}
    mock_values: ClassVar = {"path": ":memory:"}
