"""A plan of tasks as Airflow objects: the producer, the node sensors, their groups and edges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator, TaskGroup

from heliograph.airflow.constants import PRODUCER_WATCHER_TASK_ID, StartOrder
from heliograph.airflow.errors import ConfigError
from heliograph.airflow.operators.node_sensor import DbtNodeSensor
from heliograph.airflow.operators.producer import DbtProducerWatcherOperator
from heliograph.airflow.rendering.sensors import SensorArguments
from heliograph.airflow.rendering.task_plan import PlannedTask, TaskKind, TaskPlan


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskArguments:
    """Keyword arguments of the operators, by what they are for."""

    producer: Mapping[str, Any]
    sensor: SensorArguments


def add_tasks(
    plan: TaskPlan, *, dag: DAG, group: TaskGroup | None, start_order: StartOrder, arguments: TaskArguments
) -> dict[str, BaseOperator | TaskGroup]:
    """Adds the producer and one task for each planned one, in the plan's order.

    The producer stands beside the roots. So it is a leaf, and its failure fails the DAG run also where no node's task
    tells of it (a hook, a function, a test of no rendered node); and what is upstream of a group holds both back.

    Returns:
        The task of each node, or the group of its tasks, by unique id; the producer by its plain task id.
    """
    group_id = group.group_id if group is not None else None
    place: dict[str, Any] = {"dag": dag, "task_group": group} if group is not None else {"dag": dag}
    producer = DbtProducerWatcherOperator(
        task_id=PRODUCER_WATCHER_TASK_ID, group_id=group_id, **place, **arguments.producer
    )
    made: dict[str, BaseOperator] = {}
    # Tasks whose failure is not final: they, or one they follow, are tried again.
    hopeful: set[str] = set()
    tasks_map: dict[str, BaseOperator | TaskGroup] = {PRODUCER_WATCHER_TASK_ID: producer}
    for planned in plan.tasks:
        node_place = place
        if planned.group_id is not None:
            node_place = {"dag": dag, "task_group": _node_group(planned, dag=dag, parent=group, known=tasks_map)}
        upstream = [made[task_id] for task_id in planned.upstream]
        task: BaseOperator
        if planned.kind is TaskKind.EMPTY:
            # It runs nothing, so the arguments of the dbt command mean nothing to it.
            # Nothing tells of its end but its upstream: it waits for that in either start order, never green before.
            task = EmptyOperator(task_id=planned.label, **node_place)
        else:
            always: dict[str, Any] = {"trigger_rule": "always"} if start_order is StartOrder.ALL_AT_ONCE else {}
            keywords = {**node_place, **always, **_place_in_run(producer, group_id), **arguments.sensor.of(planned)}
            if start_order is StartOrder.ALL_AT_ONCE and hopeful.intersection(planned.upstream):
                keywords["parents"] = [parent.task_id for parent in upstream]
            task = _sensor(planned, keywords)
        made[planned.task_id] = task
        tasks_map.setdefault(planned.unique_id, task)
        if task.retries or hopeful.intersection(planned.upstream):
            hopeful.add(planned.task_id)
        if upstream:
            task.set_upstream(upstream)
    return tasks_map


def _node_group(
    planned: PlannedTask, *, dag: DAG, parent: TaskGroup | None, known: dict[str, BaseOperator | TaskGroup]
) -> TaskGroup:
    """The group of one node's tasks, made when its first task comes."""
    found = known.get(planned.unique_id)
    if isinstance(found, TaskGroup):
        return found
    assert planned.group_id is not None  # noqa: S101  # narrows the type; the caller asked
    node_group = TaskGroup(group_id=planned.group_id, dag=dag, parent_group=parent or dag.task_group)
    known[planned.unique_id] = node_group
    return node_group


def _place_in_run(producer: DbtProducerWatcherOperator, group_id: str | None) -> dict[str, Any]:
    return {"producer_task_id": producer.task_id, "producer_retries": producer.retries or 0, "group_id": group_id}


def _sensor(planned: PlannedTask, keywords: Mapping[str, Any]) -> DbtNodeSensor:
    try:
        return DbtNodeSensor(task_id=planned.label, **keywords)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"Airflow does not take the arguments of the task of {planned.unique_id}: {error}",
            setting=f"operator_args, meta.heliograph.operator_kwargs of {planned.unique_id} or of its tests",
            fix="leave out what it names, or correct its value",
        ) from error
