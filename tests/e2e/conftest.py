"""One real Airflow for each bus, on PostgreSQL, with the DAGs of tests/e2e/dags."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.deployment import (
    HERE,
    Deployment,
    copy_of_project,
    generated_projects,
    make_outcomes,
    new_database,
    warehouse_connection,
    warehouses_of,
)
from local_servers.airflow import PrivateAirflow
from local_servers.rabbitmq import PrivateRabbit


@pytest.fixture(scope="session")
def deployment(
    request: pytest.FixtureRequest, postgres_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The servers of one bus, for all tests on it."""
    bus: str = request.param
    home = tmp_path_factory.mktemp(f"airflow-{bus}")
    rabbit: PrivateRabbit | None = None
    if bus == "rabbitmq":
        server = request.getfixturevalue("rabbitmq_server")
        rabbit = server if isinstance(server, PrivateRabbit) else None
        bus_url = f"{server.url}?exchange=e2e&stream=e2e"
        subprocess.run(
            [Path(sys.executable).with_name("heliograph"), "bus", "create", "--bus", bus_url], check=True, timeout=60
        )
    else:
        bus_url = f"sqlite:///{home / 'events.db'}"
    project = copy_of_project(home)
    outcomes = make_outcomes(home, warehouses_of(bus))
    metadata = new_database(postgres_server, f"airflow_{bus}")
    warehouse = new_database(postgres_server, f"warehouse_{bus}")
    airflow = PrivateAirflow(
        home=home / "home",
        dags_folder=HERE / "dags",
        database_url=metadata.replace("postgresql://", "postgresql+psycopg2://"),
        settings={
            "AIRFLOW__HELIOGRAPH__BUS_URL": bus_url,
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW_CONN_WAREHOUSE": warehouse_connection(warehouse),
            "HELIOGRAPH_E2E_PROJECT": str(project),
            "HELIOGRAPH_E2E_GENERATED": str(generated_projects(home)),
            # A worker that is gone is noticed by Airflow itself in seconds, not in its default five minutes.
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
            "HELIOGRAPH_E2E_OUTCOMES": str(outcomes),
            "HELIOGRAPH_E2E_WAREHOUSES": ",".join(warehouses_of(bus)),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
    )
    with airflow:
        yield Deployment(
            airflow=airflow,
            bus=bus,
            bus_url=bus_url,
            rabbit=rabbit,
            project=project,
            outcomes=outcomes,
            warehouse_url=warehouse,
        )
