"""A private Airflow: its own home, free loopback ports, every component a process of its own."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from local_servers.airflow_client import AirflowClient
from local_servers.airflow_environment import airflow_environment
from local_servers.ports import LOOPBACK, free_port
from local_servers.process import ManagedProcess, ProcessFailed

USER: Final = "admin"

# What asks the metadata database for work as soon as it is up, and so has to wait for the migration. All components
# share this machine, so the API server reads their log files itself and nobody has to serve them.
_AFTER_MIGRATION: Final[dict[str, tuple[str, ...]]] = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}


class PrivateAirflow:
    """API server, scheduler, DAG processor and triggerer with LocalExecutor, from entry to exit.

    Args:
        home: becomes AIRFLOW_HOME: passwords, logs, and the metadata database if that is SQLite.
        dags_folder: the folder whose DAG files are read.
        database_url: SQLAlchemy URL of an empty metadata database; None is a SQLite file in ``home``.
        parallelism: worker slots.
        settings: further environment variables, e.g. ``AIRFLOW__HELIOGRAPH__BUS_URL``; they win.
        start_timeout_s: seconds until every component must be healthy.

    Raises:
        ProcessFailed: on entry, where a component ended or was not healthy in time; nothing is left running.
    """

    def __init__(
        self,
        *,
        home: Path,
        dags_folder: Path,
        database_url: str | None = None,
        parallelism: int = 16,
        settings: Mapping[str, str] | None = None,
        start_timeout_s: float = 240,
    ) -> None:
        port = free_port()
        self.home = home.resolve()
        self.logs = self.home / "logs"
        self.user = USER
        self.password = secrets.token_urlsafe(9)
        self.url = f"http://{LOOPBACK}:{port}"
        self.client = AirflowClient(self.url, user=self.user, password=self.password)
        self.processes: dict[str, ManagedProcess] = {}
        self._passwords_file = self.home / "passwords.json"
        self.environment = airflow_environment(
            home=self.home,
            dags_folder=dags_folder.resolve(),
            database_url=database_url or f"sqlite:///{self.home / 'airflow.db'}",
            port=port,
            users=f"{self.user}:admin",
            passwords_file=self._passwords_file,
            parallelism=parallelism,
        ) | dict(settings or {})
        self._start_timeout_s = start_timeout_s
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        self.logs.mkdir(parents=True, exist_ok=True)
        self._passwords_file.touch(mode=0o600)
        self._passwords_file.write_text(json.dumps({self.user: self.password}))
        self._stack.callback(self.client.close)
        # The API server loads longest and asks nothing of the database before its first request.
        self._run("api-server", "api-server", "--workers", "1")
        self._migrate()
        for name, arguments in _AFTER_MIGRATION.items():
            self._run(name, *arguments)
        self._wait_until_healthy(deadline)

    def _stop(self) -> None:
        # All are asked first, so that they end side by side; unwinding then waits for one after the other.
        for process in self.processes.values():
            if process.pid is not None and process.exit_code is None:
                os.kill(process.pid, signal.SIGTERM)
        self._stack.close()

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "airflow", *arguments]

    def _run(self, name: str, *arguments: str) -> None:
        process = ManagedProcess(
            self._command(*arguments), log_file=self.logs / f"{name}.log", env=self.environment, folder=self.home
        )
        self.processes[name] = self._stack.enter_context(process)

    def _migrate(self) -> None:
        log_file = self.logs / "db-migrate.log"
        with log_file.open("ab") as log:
            done = subprocess.run(
                self._command("db", "migrate"),
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                cwd=self.home,
                timeout=self._start_timeout_s,
            )
        if done.returncode != 0:
            raise ProcessFailed(f"airflow db migrate ended with {done.returncode}; its log: {log_file}")

    def _wait_until_healthy(self, deadline: float) -> None:
        while unhealthy := self.client.unhealthy_components():
            for name, process in self.processes.items():
                if process.exit_code is not None:
                    raise ProcessFailed(f"airflow {name} ended with {process.exit_code}; its log: {process.log_file}")
            if time.monotonic() > deadline:
                raise ProcessFailed(
                    f"Not healthy after {self._start_timeout_s:g} s: {', '.join(unhealthy)}; logs: {self.logs}"
                )
            time.sleep(0.2)
