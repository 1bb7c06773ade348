"""The demo's figures, measured from the bus and from what Airflow recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from heliograph.bus.payloads import PlannedNode
from heliograph.bus.run_state import RunState
from local_servers.airflow_client import DagRun, TaskInstance

PRODUCER_TASK_ID: Final = "dbt_producer_watcher"

# The last part of a node's task id, by dbt's resource type.
_VERBS: Final = {"model": "run", "seed": "seed", "snapshot": "snapshot"}


class Records(Protocol):
    """What is asked of Airflow about the run; ``AirflowClient`` answers it."""

    def task_instances(self, run: DagRun) -> list[TaskInstance]: ...

    def worker_starts(self, run: DagRun) -> list[str]: ...


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What the last line of the demo says.

    Attributes:
        nodes: nodes that dbt selected, its tests among them.
        resolved: nodes whose end is in the event log and whose tasks Airflow ended without a worker ever taking them.
        waiting_slots: worker slots that node tasks took.
        run_s: seconds from the DAG run's start to its end, as Airflow recorded them.
        problems: what is not as it must be, one sentence each.
    """

    nodes: int
    resolved: int
    waiting_slots: int
    run_s: float
    problems: tuple[str, ...] = ()

    def line(self, *, bus: str) -> str:
        """The last line."""
        return (
            f"demo: {self.nodes} nodes, {self.resolved} resolved by events, "
            f"{self.waiting_slots} worker slots used for waiting, bus {bus}, {self.run_s:.1f} s"
        )


def measure(records: Records, run: DagRun, state: RunState) -> Figures:
    """Counts from three sources that do not know of each other: the bus, the task instances, the audit log."""
    attempt = state.latest
    plan = attempt.plan if attempt is not None else {}
    ended = {node for node in plan if state.result(node) is not None}
    tasks = {task.task_id: task for task in records.task_instances(run)}
    starts = [task_id for task_id in records.worker_starts(run) if task_id != PRODUCER_TASK_ID]
    by_node = tasks_by_node(plan)
    unresolved = sorted(
        node for node in plan if node not in ended or not _ended_without_worker(by_node[node], tasks, starts)
    )
    problems = [f"the DAG run ended as {run.state}"] if run.state != "success" else []
    problems += [f"{node} was not resolved by an event" for node in unresolved]
    problems += [f"{task_id} took a worker slot" for task_id in starts]
    if not plan:
        problems.append("no run.planned on the bus")
    return Figures(
        nodes=len(plan),
        resolved=len(plan) - len(unresolved),
        waiting_slots=len(starts),
        run_s=run.duration_s,
        problems=tuple(problems),
    )


def tasks_by_node(plan: Mapping[str, PlannedNode]) -> dict[str, list[str]]:
    """The ids of the tasks that report each node: its own task, or for a test the test tasks of its parents."""
    tested = {parent for node in plan.values() if node.resource_type == "test" for parent in node.depends_on}
    return {
        unique_id: [f"{plan[parent].name}.test" for parent in node.depends_on if parent in plan]
        if node.resource_type == "test"
        else [
            f"{node.name}.{_VERBS[node.resource_type]}"
            if unique_id in tested
            else f"{node.name}_{_VERBS[node.resource_type]}"
        ]
        for unique_id, node in plan.items()
    }


def _ended_without_worker(task_ids: Iterable[str], tasks: Mapping[str, TaskInstance], starts: Iterable[str]) -> bool:
    found = [tasks.get(task_id) for task_id in task_ids]
    return bool(found) and all(
        task is not None
        and task.state == "success"
        and task.start_date is not None
        and not task.ran_on_worker
        and task.task_id not in starts
        for task in found
    )
