"""A running Airflow, its bus, and the dbt project its DAGs run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
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
    outcomes: Path
    """Where the outcome matrix has its projects, manifests and the folders of its runs."""
    warehouse_url: str


FULL_MATRIX = os.environ.get("HELIOGRAPH_FULL_MATRIX") == "1"
"""Every outcome on every pair of bus and warehouse; without it each bus takes one warehouse."""

MATRIX_PAIRS = [("rabbitmq", "postgres"), ("sqlite", "duckdb")]
if FULL_MATRIX:
    MATRIX_PAIRS += [("rabbitmq", "duckdb"), ("sqlite", "postgres")]


def warehouses_of(bus: str) -> list[str]:
    """The warehouses on which the outcome matrix runs over this bus."""
    return [warehouse for paired, warehouse in MATRIX_PAIRS if paired == bus]


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


def make_outcomes(folder: Path, warehouses: Sequence[str]) -> Path:
    """The projects of the outcome matrix, and a manifest of it for each warehouse."""
    outcomes = folder / "outcomes"
    project = outcomes / "project"
    ignored = shutil.ignore_patterns("target", "logs")
    shutil.copytree(HERE / "outcomes_project", project, ignore=ignored)
    without_package = outcomes / "without_package"
    shutil.copytree(project, without_package)
    (without_package / "packages.yml").write_text("packages:\n  - local: ../a_package_nobody_wrote\n")
    strict = outcomes / "strict_hooks"
    shutil.copytree(project, strict)
    project_file = strict / "dbt_project.yml"
    flag = "flags:\n  skip_nodes_if_on_run_start_fails: true\n"
    project_file.write_text(project_file.read_text().replace("flags:\n", flag))
    dbt = Path(sys.executable).with_name("dbt")
    parsing = []
    for warehouse in warehouses:
        words: list[str | Path] = ["parse", "--quiet", "--project-dir", project, "--profiles-dir", project]
        words += ["--profile", "outcomes", "--target", warehouse]
        words += ["--target-path", outcomes / warehouse, "--log-path", outcomes / warehouse]
        parsing.append(subprocess.Popen([dbt, *words]))
    assert [process.wait(timeout=120) for process in parsing] == [0] * len(parsing)
    return outcomes


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
