"""One deployment's runs of the outcome matrix: triggered together, looked at one by one."""

from __future__ import annotations

import asyncio
import json
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from e2e.deployment import Deployment
from e2e.expected import PRODUCER, Rendered, rendered_tasks
from heliograph.airflow.run_key import run_key
from heliograph.bus.open import open_log
from heliograph.bus.run_state import RunState
from heliograph.consumers.decision import NodeQuestion
from local_servers.airflow_client import AirflowClient, DagRun, TaskInstance

# Side by side, as many dbt processes as two processors carry.
DBT_AT_ONCE = 4


@dataclass(frozen=True)
class Case:
    """One DAG run that has ended, from every side."""

    deployment: Deployment
    warehouse: str
    name: str
    run: DagRun

    @property
    def folder(self) -> Path:
        """Where dbt left its artifacts."""
        return self.deployment.outcomes / "runs" / self.run.dag_id

    @property
    def results(self) -> dict[str, str]:
        """dbt's status by unique id; empty where dbt wrote no result."""
        path = self.folder / "run_results.json"
        if not path.exists():
            return {}
        return {result["unique_id"]: result["status"] for result in json.loads(path.read_text())["results"]}

    @cached_property
    def tasks(self) -> dict[str, TaskInstance]:
        """The tasks of nodes."""
        return {task_id: task for task_id, task in self._all_tasks.items() if task_id != PRODUCER}

    @property
    def producer(self) -> TaskInstance:
        return self._all_tasks[PRODUCER]

    @property
    def states(self) -> dict[str, str | None]:
        return {task_id: task.state for task_id, task in self.tasks.items()}

    @property
    def rendered(self) -> list[Rendered]:
        tasks: list[dict[str, Any]] = self.deployment.airflow.client.request("GET", f"dags/{self.run.dag_id}/tasks")[
            "tasks"
        ]
        manifest = json.loads((self.deployment.outcomes / self.warehouse / "manifest.json").read_text())
        return rendered_tasks(tasks, manifest)

    def reason(self, unique_id: str) -> str:
        """Why the node's task ended as it did, as the triggers tell it from the same events."""
        verdict = NodeQuestion(unique_id).decide(self.fold)
        assert verdict is not None
        return verdict.reason

    @cached_property
    def fold(self) -> RunState:
        """What the event log says of the run."""
        state = RunState(run=run_key(dag_id=self.run.dag_id, group_id=None, run_id=self.run.run_id))

        async def read() -> None:
            log = open_log(self.deployment.bus_url)
            async for recorded in log.read(state.run):
                state.apply(recorded.event)
            await log.aclose()

        asyncio.run(read())
        return state

    @cached_property
    def _all_tasks(self) -> dict[str, TaskInstance]:
        return {task.task_id: task for task in self.deployment.airflow.client.task_instances(self.run)}


def make_pools(client: AirflowClient) -> None:
    """The pools of the DAGs: one for dbt, and one in which nothing ever starts."""
    client.make_pool("dbt_at_once", slots=DBT_AT_ONCE)
    client.make_pool("closed", slots=0)


class Matrix:
    """The runs of all cases, begun when this is made."""

    def __init__(self, deployment: Deployment, warehouse: str, cases: list[str]) -> None:
        client = deployment.airflow.client
        make_pools(client)
        dag_ids = {case: f"{case}_{warehouse}" for case in cases}
        for dag_id in dag_ids.values():
            client.wait_for_dag(dag_id)
            self._seed_parsing(deployment.outcomes / warehouse, deployment.outcomes / "runs" / dag_id)
        self._deployment = deployment
        self._warehouse = warehouse
        self._runs = {case: client.trigger(dag_id) for case, dag_id in dag_ids.items()}

    @staticmethod
    def _seed_parsing(parsed: Path, folder: Path) -> None:
        """Lets dbt reuse what it remembers of the project, where the vars and the profile are the same."""
        folder.mkdir(parents=True)
        shutil.copy(parsed / "partial_parse.msgpack", folder)

    def ended(self, case: str) -> Case:
        """The case's run, once it has ended."""
        run = self._deployment.airflow.client.wait_for_run(self._runs[case], timeout_s=240)
        return Case(self._deployment, self._warehouse, case, run)
