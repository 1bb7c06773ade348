"""Airflow's cluster policy: a node's task that runs on a worker in a retry goes to the retry queue.

Airflow 3.3 calls the hook where task instances are made, cleared, or fitted to a changed DAG. It does not call it
between a failure and the automatic retry, so tasks that need no worker in their first try have the retry queue from
their start (see ``rendering.queues``); here are those that do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from airflow.policies import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance

_IN_A_TRY: Final = frozenset({"scheduled", "queued", "running", "deferred", "up_for_reschedule", "restarting"})
"""States in which ``try_number`` counts the try that goes on; in all others it counts those that ended."""


@hookimpl
def task_instance_mutation_hook(task_instance: TaskInstance, dag_run: DagRun | None) -> None:  # noqa: ARG001  # the hook's form
    """Sets the queue of a retried node task. Reads attributes only, and never raises."""
    task = getattr(task_instance, "task", None)
    queue = getattr(task, "retry_queue", None)
    if not queue:
        return
    tries = getattr(task_instance, "try_number", None) or 0
    if tries > (1 if getattr(task_instance, "state", None) in _IN_A_TRY else 0):
        task_instance.queue = queue
