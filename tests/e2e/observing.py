"""What really happened in a run: by the log, by the warehouse, and by the processes that were there."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Self

import psutil
import psycopg2
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from e2e.deployment import Deployment
from heliograph.airflow.run_key import run_key
from heliograph.bus.events import Event
from heliograph.bus.open import open_log
from heliograph.bus.run_state import RunState
from local_servers.airflow_client import DagRun

PRODUCER = "dbt_producer_watcher"


def folded(deployment: Deployment, run: DagRun, group_id: str | None = None) -> RunState:
    """The run's state by all events that the log holds now."""
    state = RunState(run=run_key(dag_id=run.dag_id, group_id=group_id, run_id=run.run_id))
    for event in events_of(deployment, state.run):
        state.apply(event)
    return state


def events_of(deployment: Deployment, key: str) -> list[Event]:
    """All events of a run that the log holds now, in its order."""

    async def read() -> list[Event]:
        log = open_log(deployment.bus_url)
        events = [recorded.event async for recorded in log.read(key)]
        await log.aclose()
        return events

    return asyncio.run(read())


def poll(holds: Callable[[], bool], *, timeout_s: float = 60) -> None:
    """Returns once ``holds()``; neither the REST API nor the log's end has an event to await."""
    Retrying(retry=retry_if_result(lambda held: not held), wait=wait_fixed(0.2), stop=stop_after_delay(timeout_s))(
        holds
    )


def times_built(deployment: Deployment, run: DagRun) -> Counter[str]:
    """How often each model was built for this run, by what the models themselves noted in the warehouse."""
    with psycopg2.connect(deployment.warehouse_url) as connection, connection.cursor() as cursor:
        cursor.execute(f'select name from "{run.dag_id}".built where run = %s', [run.run_id])
        counted = Counter(str(name) for (name,) in cursor.fetchall())
    connection.close()
    return counted


class DbtProcesses:
    """Counts the dbt processes of one project that exist at some moment while the context is open."""

    def __init__(self, project: str) -> None:
        self._mark = f"/generated/{project}"
        self._seen: set[tuple[int, float]] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def count(self) -> int:
        return len(self._seen)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            for process in psutil.process_iter(["pid", "create_time", "cmdline"]):
                if self._is_ours(process.info["cmdline"] or []):
                    self._seen.add((process.info["pid"], process.info["create_time"]))

    def _is_ours(self, words: list[str]) -> bool:
        # The guard's command line holds dbt's own; it is no dbt.
        is_dbt = "heliograph.producer.dbt_process" in words and not any(word.endswith("guard.py") for word in words)
        return is_dbt and any(word.endswith(self._mark) for word in words)
