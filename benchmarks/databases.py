"""What the benchmark asks of PostgreSQL beside what dbt and Airflow do there."""

from __future__ import annotations

import psycopg
from psycopg import sql


def add_database(url: str, name: str) -> str:
    """Creates an empty database on the server, in place of one of that name; its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    return url.rpartition("/")[0] + f"/{name}"


def commit_count(url: str) -> int:
    """How many transactions were committed in the database since it exists (``pg_stat_database.xact_commit``)."""
    query = "select xact_commit from pg_stat_database where datname = current_database()"
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    return int(row[0]) if row is not None else 0


def sqlalchemy_url(url: str) -> str:
    """The same address for SQLAlchemy, with the driver that Airflow uses."""
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)
