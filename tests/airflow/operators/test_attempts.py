from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from heliograph.airflow.operators.attempts import next_attempt

RUN = "shop//manual__1"


@dataclass
class TaskOfTry:
    task_id: str
    try_number: int = 2


@dataclass
class DagRun:
    run_after: datetime = datetime(2026, 1, 1, tzinfo=UTC)


def context(task_id: str, try_number: int = 2) -> Any:
    return {"ti": TaskOfTry(task_id, try_number), "dag_run": DagRun()}


@pytest.fixture(autouse=True)
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__HELIOGRAPH__BUS_URL", f"sqlite:///{tmp_path / 'events.db'}")


def test_the_producers_first_try_is_attempt_1_and_asks_no_log(tmp_path: Path) -> None:
    assert next_attempt(RUN, context("dbt_producer_watcher", 1), first=True) == 1
    assert not (tmp_path / "events.db").exists()


def test_tasks_retried_at_the_same_moment_get_attempts_of_their_own() -> None:
    tasks = [f"model_{number}" for number in range(8)]
    with ThreadPoolExecutor(len(tasks)) as pool:
        attempts = list(pool.map(lambda task: next_attempt(RUN, context(task), first=False), tasks))

    assert sorted(attempts) == list(range(2, 10))


def test_a_try_that_asks_twice_gets_the_same_attempt() -> None:
    first = next_attempt(RUN, context("orders_run"), first=False)
    next_attempt(RUN, context("report_run"), first=False)

    assert next_attempt(RUN, context("orders_run"), first=False) == first


def test_another_run_counts_for_itself() -> None:
    next_attempt(RUN, context("orders_run"), first=False)

    assert next_attempt("shop//manual__2", context("orders_run"), first=False) == 2
