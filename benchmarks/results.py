"""What a benchmark found: the file it is kept in, and the table that is shown."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil
from pydantic import BaseModel, ConfigDict
from rich.table import Table

from benchmarks.project import ProjectShape

LATEST: Final = Path(__file__).parent / "results" / "latest.json"

# Limits: DAG run as a multiple of `dbt build`, and seconds from the producer's end to the DAG run's end.
_LIMITS: Final = {"all_at_once": (1.5, 3.0), "dependency": (2.2, 8.0)}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class RunResult(_Frozen):
    """One DAG run.

    Attributes:
        start_order: when its sensors started.
        dag_run_s: seconds from the DAG run's start to its end, as Airflow recorded them.
        tail_s: seconds from the producer task's end to the DAG run's end.
        consumer_worker_processes: how often a worker started a task other than the producer.
        db_commits: transactions committed in the metadata database while the run lasted, all components' own
            housekeeping and the benchmark's looks at the run among them.
    """

    start_order: str
    dag_run_s: float
    tail_s: float
    consumer_worker_processes: int
    db_commits: int


class Machine(_Frozen):
    """Where it was measured."""

    cpus: int
    memory_gb: float
    system: str
    python: str
    versions: dict[str, str]

    @classmethod
    def here(cls) -> Machine:
        """This machine, without anything that names it."""
        packages = ("heliograph", "apache-airflow", "dbt-core", "dbt-postgres")
        return cls(
            cpus=os.cpu_count() or 1,
            memory_gb=round(psutil.virtual_memory().total / 2**30, 1),
            system=f"{platform.system()} {platform.machine()}",
            python=platform.python_version(),
            versions={name: version(name) for name in packages},
        )


class Results(_Frozen):
    """Everything one benchmark measured."""

    models: int
    layers: int
    sleep_s: float
    threads: int
    machine: Machine
    dbt_build_s: float
    runs: tuple[RunResult, ...]

    @classmethod
    def of(cls, shape: ProjectShape, *, dbt_build_s: float, runs: tuple[RunResult, ...]) -> Results:
        """The results for a project of this shape, measured here."""
        return cls(
            models=shape.models,
            layers=shape.layers,
            sleep_s=shape.sleep_s,
            threads=shape.threads,
            machine=Machine.here(),
            dbt_build_s=round(dbt_build_s, 2),
            runs=runs,
        )

    def write(self, path: Path = LATEST) -> None:
        """Keeps the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=2) + "\n")

    def table(self) -> Table:
        """One row for ``dbt build``, one for each run; a figure over its limit says so."""
        table = Table("", "s", "x dbt build", "tail s", "consumer processes", "DB commits", box=None)
        table.title = f"{self.models} models, {self.layers} layers, {self.sleep_s:g} s each, {self.threads} threads"
        table.title_justify = "left"
        table.add_row("dbt build alone", f"{self.dbt_build_s:.1f}", "1.00", "", "", "")
        for run in self.runs:
            ratio_limit, tail_limit = _LIMITS[run.start_order]
            table.add_row(
                f"DAG run, {run.start_order}",
                f"{run.dag_run_s:.1f}",
                _against(run.dag_run_s / self.dbt_build_s, ratio_limit),
                _against(run.tail_s, tail_limit),
                _against(run.consumer_worker_processes, 0),
                str(run.db_commits),
            )
        return table


def _against(figure: float, limit: float) -> str:
    shown = str(figure) if isinstance(figure, int) else f"{figure:.2f}"
    return shown if figure <= limit else f"{shown} (over {limit:g})"
