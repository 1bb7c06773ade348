"""A running Airflow, its bus, and the dbt project its DAGs run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2

from e2e.generated_project import branching, wide
from local_servers.airflow import PrivateAirflow
from local_servers.rabbitmq import PrivateRabbit

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """A running Airflow, its bus and the dbt project its DAGs run."""

    airflow: PrivateAirflow
    bus: str
    bus_url: str
    rabbit: PrivateRabbit | None
    project: Path
    warehouse_url: str


def new_database(server_url: str, name: str) -> str:
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f'drop database if exists "{name}" with (force)')
        cursor.execute(f'create database "{name}"')
    connection.close()
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def copy_of_project(folder: Path) -> Path:
    project = folder / "project"
    shutil.copytree(HERE / "project", project, ignore=shutil.ignore_patterns("target", "logs"))
    parse(project, folder)
    return project


def generated_projects(folder: Path) -> Path:
    """The folder that holds the generated projects, each with its manifest."""
    for name, write in (("branching", branching), ("wide", wide)):
        write(folder / "generated" / name)
        parse(folder / "generated" / name, folder)
    return folder / "generated"


def parse(project: Path, folder: Path) -> None:
    """Makes the project's manifest; ``folder`` takes a profile without a server."""
    output = {"type": "postgres", "host": "h", "user": "u", "password": "p", "port": 1, "dbname": "d", "schema": "s"}
    profiles = folder / "profiles"
    profiles.mkdir(exist_ok=True)
    content = {"warehouse": {"target": "test", "outputs": {"test": output}}}
    (profiles / "profiles.yml").write_text(json.dumps(content))
    dbt = Path(sys.executable).with_name("dbt")
    subprocess.run(
        [dbt, "parse", "--quiet", "--project-dir", project, "--profiles-dir", profiles], check=True, timeout=120
    )


def warehouse_connection(url: str) -> str:
    parts = urlsplit(url)
    return json.dumps(
        {
            "conn_type": "postgres",
            "host": parts.hostname,
            "port": parts.port,
            "login": parts.username,
            "password": parts.password or "any",
            "schema": parts.path.lstrip("/"),
        }
    )
