from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import airflow.policies
import pluggy
import pytest

from heliograph.airflow.policies import task_instance_mutation_hook


@dataclass
class Task:
    retry_queue: str | None = "retries"


@dataclass
class TaskInstance:
    """What Airflow's scheduler gives the hook."""

    task: Any
    try_number: int | None = 0
    state: str | None = None
    queue: str = "default"


def queue(instance: Any) -> str:
    task_instance_mutation_hook(instance, dag_run=None)
    told: str = instance.queue
    return told


@pytest.mark.parametrize(
    ("state", "try_number", "expected"),
    [
        (None, None, "default"),
        (None, 0, "default"),
        ("deferred", 1, "default"),
        ("running", 1, "default"),
        ("failed", 1, "retries"),
        ("success", 1, "retries"),
        ("up_for_retry", 1, "retries"),
        ("deferred", 2, "retries"),
    ],
)
def test_a_task_goes_to_the_retry_queue_from_its_second_try_on(
    state: str | None, try_number: int | None, expected: str
) -> None:
    assert queue(TaskInstance(Task(), try_number=try_number, state=state)) == expected


@pytest.mark.parametrize("task", [None, object(), Task(retry_queue=None)])
def test_tasks_that_are_not_ours_stay_where_they_are(task: Any) -> None:
    assert queue(TaskInstance(task, try_number=3, state="failed")) == "default"


def test_airflow_accepts_the_policy_as_it_is_declared() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    declared = import_module(project["project"]["entry-points"]["airflow.policy"]["heliograph"])
    manager = pluggy.PluginManager(airflow.policies.local_settings_hookspec.project_name)
    manager.add_hookspecs(airflow.policies)
    manager.register(declared)
    manager.check_pending()
    instance = TaskInstance(Task(), try_number=1, state="failed")

    manager.hook.task_instance_mutation_hook(task_instance=instance, dag_run=None)

    assert instance.queue == "retries"
