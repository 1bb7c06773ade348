"""`make demo`: runs the shop project once in a private Airflow and shows how its tasks are resolved by events."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final
from urllib.parse import urlsplit

from rich.console import Console

from demo.figures import PRODUCER_TASK_ID, measure
from demo.progress import watch
from demo.timeline import timeline
from heliograph.bus.errors import HeliographError
from local_servers.airflow import PrivateAirflow
from local_servers.airflow_client import AirflowClient, AirflowRequestFailed, DagRun
from local_servers.process import ProcessFailed

DAG_ID: Final = "shop"
DAGS: Final = Path(__file__).parent / "dags"
HELIOGRAPH: Final = str(Path(sys.executable).with_name("heliograph"))
_LOG_LINES: Final = 20


class DemoFailed(RuntimeError):
    """The demo did not show what it is there to show."""


def main() -> int:
    """Exit code 0 only where the run succeeded, every node was resolved by an event and no worker waited."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)
    home = Path(tempfile.mkdtemp(prefix="heliograph-demo-"))
    bus_url = os.environ.get("BUS") or f"sqlite:///{home / 'events.db'}"
    failed = False
    try:
        _create_bus(bus_url)
        last_line = _demo(console, home=home, bus_url=bus_url, keep=bool(os.environ.get("KEEP")))
    except KeyboardInterrupt:
        console.print("demo: interrupted")
        return 130
    except (DemoFailed, ProcessFailed, AirflowRequestFailed, HeliographError, TimeoutError) as error:
        failed = (home / "logs").exists()
        console.print(f"demo: {error}" + (f"\ndemo: logs are in {home / 'logs'}" if failed else ""))
        return 1
    finally:
        if not failed:
            shutil.rmtree(home)
    console.print(last_line)
    return 0


def _demo(console: Console, *, home: Path, bus_url: str, keep: bool) -> str:
    console.print("Starting a private Airflow: API server, scheduler, DAG processor, triggerer")
    with PrivateAirflow(home=home, dags_folder=DAGS, settings=_settings(home, bus_url)) as airflow:
        console.print(f"Airflow is up at {airflow.url}; reading the DAG file")
        client = airflow.client
        client.wait_for_dag(DAG_ID)
        console.print("Running the DAG")
        state, run = asyncio.run(watch(console, client, client.trigger(DAG_ID), bus_url=bus_url))
        console.print(timeline(state))
        figures = measure(client, run, state)
        last_line = figures.line(bus=urlsplit(bus_url).scheme)
        if figures.problems:
            _explain(console, client, run, figures.problems)
        if keep:
            console.print(last_line)
            _keep_up(console, airflow)
    if figures.problems:
        raise DemoFailed(f"not what it must be: {last_line.removeprefix('demo: ')}")
    return last_line


def _explain(console: Console, client: AirflowClient, run: DagRun, problems: Sequence[str]) -> None:
    if run.state != "success":
        log = client.task_log(run, PRODUCER_TASK_ID).splitlines()
        console.print(f"The end of the log of {PRODUCER_TASK_ID}:", *log[-_LOG_LINES:], sep="\n")
    for problem in problems:
        console.print(f"demo: {problem}")


def _settings(home: Path, bus_url: str) -> dict[str, str]:
    settings = {
        "AIRFLOW__HELIOGRAPH__BUS_URL": bus_url,
        # The first reading of the DAG file asks dbt for its nodes, which a busy machine may be slow to answer.
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",
        "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": "150",
        # Everything dbt writes goes to the demo's own folder, and the checkout stays clean.
        "SHOP_DATABASE": str(home / "shop.duckdb"),
        "DBT_TARGET_PATH": str(home / "target"),
        "DBT_LOG_PATH": str(home / "dbt-logs"),
    }
    if start_order := os.environ.get("START_ORDER"):
        settings["AIRFLOW__HELIOGRAPH__START_ORDER"] = start_order
    return settings


def _create_bus(bus_url: str) -> None:
    if urlsplit(bus_url).scheme == "sqlite":
        return
    done = subprocess.run([HELIOGRAPH, "bus", "create", "--bus", bus_url], check=False)
    if done.returncode != 0:
        raise DemoFailed("the bus could not be created")


def _keep_up(console: Console, airflow: PrivateAirflow) -> None:
    console.print(
        f"Airflow stays up: {airflow.url} (login {airflow.user}, password {airflow.password}). Ctrl-C ends it."
    )
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # Once: what follows is the ordered end of every server, which a second Ctrl-C would only leave half done.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
