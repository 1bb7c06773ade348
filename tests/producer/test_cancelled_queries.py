"""Stopping dbt, and losing the producer, ends the query that runs in a real PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg2
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from dbt_runs import DBT
from heliograph.bus.payloads import Outcome
from heliograph.producer.command import CommandResult, DbtCommand
from watched_log import WatchedLog

pytestmark = pytest.mark.postgres

HELIOGRAPH = str(Path(sys.executable).parent / "heliograph")
SLEEPER = "model.naps.sleeper"
SOURCES: list[Any] = [pytest.param(None, id="callbacks"), pytest.param(DBT, id="json_lines")]


class Naps:
    """A project whose only model sleeps in the warehouse for ten minutes."""

    def __init__(self, folder: Path, server_url: str) -> None:
        self.folder = folder
        self.marker = f"{folder.parent.name}/{folder.name}"
        self._connection = psycopg2.connect(server_url)
        self._connection.autocommit = True
        server = urlsplit(server_url)
        output = {
            "type": "postgres",
            "host": server.hostname,
            "port": server.port,
            "user": server.username,
            "password": server.password or "any",
            "dbname": server.path.removeprefix("/"),
            "schema": "naps",
            "threads": 2,
        }
        (folder / "models").mkdir(parents=True)
        (folder / "dbt_project.yml").write_text("{name: naps, version: '1.0', profile: naps}")
        (folder / "profiles.yml").write_text(json.dumps({"naps": {"target": "dev", "outputs": {"dev": output}}}))
        sql = f"{{{{ config(materialized='table') }}}} select pg_sleep(600)::text as nap, '{self.marker}' as marker"
        (folder / "models" / "sleeper.sql").write_text(sql)

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}

    def queries(self) -> int:
        """How many queries of this project run in the warehouse."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "select count(*) from pg_stat_activity where state = 'active' and query like %s and pid <> %s",
                (f"%{self.marker}%", self._connection.info.backend_pid),
            )
            row = cursor.fetchone()
        assert row is not None
        return int(row[0])

    def wait_for_queries(self, count: int, *, within_s: float) -> None:
        """PostgreSQL tells nobody when a query begins or ends: it must be asked."""
        asking = retry(
            retry=retry_if_result(lambda found: found != count), wait=wait_fixed(0.1), stop=stop_after_delay(within_s)
        )
        assert asking(self.queries)() == count

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def naps(tmp_path: Path, postgres_server: str) -> Iterator[Naps]:
    project = Naps(tmp_path / "naps", postgres_server)
    yield project
    project.close()


@pytest.mark.parametrize("executable", SOURCES)
def test_a_stop_cancels_the_query_and_no_harder_signal_is_needed(naps: Naps, executable: str | None) -> None:
    log = WatchedLog()
    command = DbtCommand(
        args=["build"],
        project_dir=naps.folder,
        profiles_dir=naps.folder,
        run_key="cli/naps",
        log=log,
        env=naps.env,
        dbt_executable=executable,
        stop_grace_s=200,
        on_output=lambda line: None,
    )
    results: list[CommandResult] = []
    running = threading.Thread(target=lambda: results.append(command.run()))
    running.start()
    naps.wait_for_queries(1, within_s=120)
    command.stop("the task was killed")
    running.join(120)
    assert results
    naps.wait_for_queries(0, within_s=5)
    assert results[0].message == "the task was killed"
    assert results[0].outcomes.get(SLEEPER, Outcome.CANCELLED) is Outcome.CANCELLED


@pytest.mark.parametrize("executable", SOURCES)
def test_a_producer_that_is_killed_outright_leaves_no_query_behind(naps: Naps, executable: str | None) -> None:
    dbt = [] if executable is None else ["--dbt-executable", executable]
    folder = str(naps.folder)
    producer = subprocess.Popen(
        [HELIOGRAPH, "run", "--project-dir", folder, "--profiles-dir", folder, *dbt, "--", "build"],
        env={**naps.env, "HELIOGRAPH_BUS_URL": f"sqlite:///{naps.folder / 'events.db'}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    naps.wait_for_queries(1, within_s=120)
    producer.send_signal(signal.SIGKILL)
    producer.wait()
    naps.wait_for_queries(0, within_s=60)
