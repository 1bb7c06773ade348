"""A failed node is retried with one dbt command for all who need it, and nothing is built twice."""

from __future__ import annotations

import pytest

from e2e.deployment import Deployment
from e2e.generated_project import DESCENDANTS, FLAKY, OTHERS
from e2e.observing import PRODUCER, DbtProcesses, folded, times_built
from heliograph.bus.run_state import RunState
from local_servers.airflow_client import DagRun, TaskInstance

pytestmark = pytest.mark.e2e

on_rabbitmq = pytest.mark.parametrize("deployment", ["rabbitmq"], indirect=True, scope="session")
on_both_buses = pytest.mark.parametrize(
    "deployment", ["rabbitmq", pytest.param("sqlite", marks=pytest.mark.long)], indirect=True, scope="session"
)

AGAIN = {f"model.branching.{name}" for name in (FLAKY, *DESCENDANTS)}


def tasks_of(deployment: Deployment, run: DagRun) -> dict[str, TaskInstance]:
    return {task.task_id: task for task in deployment.airflow.client.task_instances(run)}


def begin(deployment: Deployment, dag_id: str) -> DagRun:
    deployment.airflow.client.wait_for_dag(dag_id)
    return deployment.airflow.client.trigger(dag_id)


def assert_every_model_was_built_once(deployment: Deployment, run: DagRun) -> None:
    assert times_built(deployment, run) == dict.fromkeys((FLAKY, *DESCENDANTS, *OTHERS), 1)


def ran(state: RunState, attempt: int) -> set[str]:
    return set(state.attempts[attempt].nodes_started)


@on_both_buses
@pytest.mark.parametrize("dag_id", ["nodes_are_retried", "nodes_are_retried_at_once"])
def test_a_failed_root_and_what_was_skipped_for_it_are_retried_by_one_dbt(deployment: Deployment, dag_id: str) -> None:
    run = begin(deployment, dag_id)
    with DbtProcesses("branching") as dbt:
        run = deployment.airflow.client.wait_for_run(run, timeout_s=240)

    tasks = tasks_of(deployment, run)
    state = folded(deployment, run)
    print(f"{deployment.bus}, {dag_id}: {dbt.count} dbt processes, attempts {sorted(state.attempts)}")
    assert run.state == "success"
    assert {task.state for task in tasks.values()} == {"success"}
    assert dbt.count == 2
    assert ran(state, 2) == AGAIN
    assert_every_model_was_built_once(deployment, run)
    # The producer, and one worker for all who were retried.
    assert len(deployment.airflow.client.worker_starts(run)) == 2


@on_rabbitmq
@pytest.mark.parametrize("dag_id", ["all_is_retried", "producer_is_retried"])
def test_a_retried_producer_resumes_what_has_not_succeeded(deployment: Deployment, dag_id: str) -> None:
    run = begin(deployment, dag_id)
    with DbtProcesses("branching") as dbt:
        run = deployment.airflow.client.wait_for_run(run, timeout_s=240)

    tasks = tasks_of(deployment, run)
    assert run.state == "success"
    assert {task.state for task in tasks.values()} == {"success"}
    assert dbt.count == 2
    assert ran(folded(deployment, run), 2) == AGAIN
    assert_every_model_was_built_once(deployment, run)
    assert set(deployment.airflow.client.worker_starts(run)) == {PRODUCER}


@on_both_buses
def test_nodes_cleared_by_hand_are_built_by_one_dbt(deployment: Deployment) -> None:
    client = deployment.airflow.client
    run = client.wait_for_run(begin(deployment, "cleared_by_hand"), timeout_s=240)
    assert run.state == "failed"
    failed = [task_id for task_id, task in tasks_of(deployment, run).items() if task.state != "success"]
    with DbtProcesses("branching") as dbt:
        client.clear(run, failed)
        run = client.wait_for_run(run, timeout_s=240)

    tasks = tasks_of(deployment, run)
    print(f"{deployment.bus}: {dbt.count} further dbt process")
    assert run.state == "success"
    assert {task.state for task in tasks.values()} == {"success"}
    assert dbt.count == 1
    assert ran(folded(deployment, run), 2) == AGAIN
    assert_every_model_was_built_once(deployment, run)


@on_rabbitmq
def test_a_dag_run_cleared_as_a_whole_is_built_anew(deployment: Deployment) -> None:
    client = deployment.airflow.client
    run = client.wait_for_run(begin(deployment, "cleared_by_hand"), timeout_s=240)
    client.clear(run, list(tasks_of(deployment, run)))
    run = client.wait_for_run(run, timeout_s=240)

    state = folded(deployment, run)
    assert run.state == "success"
    assert state.counting_from == 2
    assert len(ran(state, 2)) == 40
    assert set(tasks_of(deployment, run)) == {PRODUCER, *(f"{name}_run" for name in (FLAKY, *DESCENDANTS, *OTHERS))}
    assert {task.state for task in tasks_of(deployment, run).values()} == {"success"}
