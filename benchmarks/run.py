"""`make bench`: what a DAG run costs over `dbt build` alone, on a generated project, with PostgreSQL and RabbitMQ."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Final, TypeVar

from rich.console import Console

from benchmarks.databases import add_database, commit_count, sqlalchemy_url
from benchmarks.project import ProjectShape, generate
from benchmarks.results import Results, RunResult
from heliograph.airflow.constants import PRODUCER_WATCHER_TASK_ID, StartOrder
from local_servers.airflow import PrivateAirflow
from local_servers.airflow_client import AirflowClient, AirflowRequestFailed, DagRun
from local_servers.choose import postgres_server, rabbitmq_server
from local_servers.process import ProcessFailed

DAGS: Final = Path(__file__).parent / "dags"
PROGRAMS: Final = Path(sys.executable).parent
RUN_LIMIT_S: Final = 3600.0

_Number = TypeVar("_Number", int, float)


class BenchmarkFailed(RuntimeError):
    """Nothing could be measured; the message says why."""


def main() -> int:
    """Exit code 0 where everything was measured and no consumer took a worker."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, _interrupt)
    try:
        results = _bench(console, _shape())
    except KeyboardInterrupt:
        console.print("bench: interrupted")
        return 130
    except (BenchmarkFailed, ProcessFailed, AirflowRequestFailed, FileNotFoundError, TimeoutError, ValueError) as error:
        console.print(f"bench: {error}")
        return 1
    results.write()
    console.print(results.table())
    return 1 if any(run.consumer_worker_processes for run in results.runs) else 0


def _shape() -> ProjectShape:
    default = ProjectShape()
    return ProjectShape(
        models=_option("MODELS", default.models, int),
        layers=_option("LAYERS", default.layers, int),
        sleep_s=_option("SLEEP", default.sleep_s, float),
        threads=_option("THREADS", default.threads, int),
    )


def _option(name: str, default: _Number, kind: Callable[[str], _Number]) -> _Number:
    value = os.environ.get(name)
    try:
        return kind(value) if value else default
    except ValueError:
        raise BenchmarkFailed(f"{name} must be a number, not {value!r}") from None


def _bench(console: Console, shape: ProjectShape) -> Results:
    with tempfile.TemporaryDirectory(prefix="heliograph-bench-") as name:
        folder = Path(name)
        project = folder / "project"
        console.print("Starting PostgreSQL")
        with postgres_server(folder / "postgres") as server_url:
            metadata_url = add_database(server_url, "heliograph_bench_airflow")
            generate(project, shape, warehouse_url=add_database(server_url, "heliograph_bench_warehouse"))
            console.print("Measuring dbt build alone")
            dbt_build_s = _time_dbt_build(project)
            console.print(f"dbt build: {dbt_build_s:.1f} s. Starting RabbitMQ and Airflow")
            with rabbitmq_server(folder / "rabbitmq") as rabbit:
                bus_url = f"{rabbit.url}?exchange=heliograph-bench&stream=heliograph-bench"
                _program("heliograph", "bus", "create", "--bus", bus_url)
                runs = _dag_runs(console, folder / "airflow", project, bus_url=bus_url, metadata_url=metadata_url)
        return Results.of(shape, dbt_build_s=dbt_build_s, runs=runs)


def _dag_runs(console: Console, home: Path, project: Path, *, bus_url: str, metadata_url: str) -> tuple[RunResult, ...]:
    airflow = PrivateAirflow(
        home=home,
        dags_folder=DAGS,
        database_url=sqlalchemy_url(metadata_url),
        settings={"AIRFLOW__HELIOGRAPH__BUS_URL": bus_url, "BENCHMARK_PROJECT": str(project)},
    )
    with airflow:
        # As dbt before it, Airflow has done such work before: the first run after a start loads what later ones find.
        console.print("Warming up Airflow")
        _ended_run(airflow, "warm_up")
        return tuple(
            _measure(console, airflow, order, metadata_url) for order in (StartOrder.ALL_AT_ONCE, StartOrder.DEPENDENCY)
        )


def _time_dbt_build(project: Path) -> float:
    # dbt has parsed the project and Python has compiled dbt before, as where dbt is run every day.
    _program("dbt", "parse", folder=project)
    shutil.copy(project / "target" / "manifest.json", project / "manifest.json")
    began = time.monotonic()
    _program("dbt", "build", folder=project)
    return time.monotonic() - began


def _ended_run(airflow: PrivateAirflow, dag_id: str) -> DagRun:
    client = airflow.client
    client.wait_for_dag(dag_id)
    run = client.wait_for_run(client.trigger(dag_id), timeout_s=RUN_LIMIT_S, every_s=1)
    if run.state != "success":
        raise BenchmarkFailed(f"the DAG run {dag_id} ended as {run.state}; {_failures(client, run)}")
    return run


def _measure(console: Console, airflow: PrivateAirflow, order: StartOrder, metadata_url: str) -> RunResult:
    client = airflow.client
    console.print(f"Measuring a DAG run, {order.value}")
    commits_before = commit_count(metadata_url)
    run = _ended_run(airflow, order.value)
    commits = commit_count(metadata_url) - commits_before
    tasks = {task.task_id: task for task in client.task_instances(run)}
    producer_end = tasks[PRODUCER_WATCHER_TASK_ID].end_date
    if producer_end is None or run.end_date is None:
        raise BenchmarkFailed("Airflow recorded no end of the producer task or of the DAG run")
    consumers = [task_id for task_id in client.worker_starts(run) if task_id != PRODUCER_WATCHER_TASK_ID]
    return RunResult(
        start_order=order.value,
        dag_run_s=round(run.duration_s, 2),
        tail_s=round((run.end_date - producer_end).total_seconds(), 2),
        consumer_worker_processes=len(consumers),
        db_commits=commits,
    )


def _failures(client: AirflowClient, run: DagRun) -> str:
    failed = [task.task_id for task in client.task_instances(run) if task.state == "failed"]
    log = client.task_log(run, failed[0]) if failed else ""
    return f"failed tasks: {', '.join(failed) or 'none'}\n{log[-2000:]}"


def _program(name: str, *arguments: str, folder: Path | None = None) -> None:
    done = subprocess.run([str(PROGRAMS / name), *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BenchmarkFailed(f"{name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    # Once: what follows is the ordered end of every server, which a second Ctrl-C would only leave half done.
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
