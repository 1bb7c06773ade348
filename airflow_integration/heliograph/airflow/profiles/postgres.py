"""PostgreSQL, by user and password."""

from __future__ import annotations

from typing import ClassVar

from heliograph.airflow.profiles.base import BaseProfileMapping


class PostgresUserPasswordProfileMapping(BaseProfileMapping):
    """A ``postgres`` profile (https://docs.getdbt.com/docs/core/connect-data-platform/postgres-setup).

    ``schema``, dbt's word for the schema to build in, usually comes from ``profile_args``: a Postgres Connection has no
    field for it, its own ``schema`` is the database.
    """

    airflow_connection_type = "postgres"
    dbt_profile_type = "postgres"
    required_fields = ("host", "user", "password", "dbname")
    secret_fields = ("password",)
    connection_fields: ClassVar = {
        "host": ("host",),
        "user": ("login",),
        "password": ("password",),
        "port": ("port",),
        "dbname": ("schema",),
        "keepalives_idle": ("extra.keepalives_idle",),
        "sslmode": ("extra.sslmode",),
        "sslcert": ("extra.sslcert",),
        "sslkey": ("extra.sslkey",),
        "sslrootcert": ("extra.sslrootcert",),
    }
    defaults: ClassVar = {"port": 5432, "schema": "public"}
