"""A run or its producer, ended by hand through Airflow's API: consumers notice, nothing hangs or is falsely green."""

from __future__ import annotations

from collections.abc import Callable

import psutil
import psycopg2
import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from e2e.deployment import Deployment
from e2e.expected import PRODUCER
from e2e.matrix import Case, make_pools
from heliograph.bus.payloads import Outcome
from heliograph.bus.run_state import Phase
from local_servers.airflow_client import DagRun

pytestmark = pytest.mark.long

on_rabbitmq = pytest.mark.parametrize("deployment", ["rabbitmq"], indirect=True, scope="session")

STATES = ["success", "failed", "skipped"]
ENDED = {"success", "failed", "skipped", "upstream_failed"}
BY_HAND = [f"by_hand_{what}_postgres" for what in ("run_failed", *STATES)]
HELD_BACK = [f"held_back_{state}" for state in STATES]
HELD_BACK_PRODUCER = f"warehouse.{PRODUCER}"
QUERY_GONE_WITHIN_S = 15


@pytest.fixture(scope="session")
def runs(deployment: Deployment) -> dict[str, DagRun]:
    """One run of each DAG, begun together."""
    client = deployment.airflow.client
    make_pools(client)
    for dag_id in (*BY_HAND, *HELD_BACK):
        client.wait_for_dag(dag_id)
    return {dag_id: client.trigger(dag_id) for dag_id in (*BY_HAND, *HELD_BACK)}


@pytest.fixture(scope="session")
def held_back(deployment: Deployment, runs: dict[str, DagRun]) -> dict[str, DagRun]:
    """The runs whose producer has been ended, and then the task before it allowed to run."""
    client = deployment.airflow.client
    for state in STATES:
        client.mark_task(runs[f"held_back_{state}"], HELD_BACK_PRODUCER, state)
    client.make_pool("closed", slots=len(STATES))
    return runs


def sleeping_queries(deployment: Deployment, dag_id: str) -> int:
    """How many of the run's queries sleep in the warehouse."""
    with psycopg2.connect(deployment.warehouse_url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()"
            " and query like %s and query like %s",
            ("%pg_sleep(60)%", f"%{dag_id}%"),
        )
        (count,) = cursor.fetchone() or (0,)
    connection.close()
    return int(count)


def dbt_processes(deployment: Deployment, dag_id: str) -> list[int]:
    """The processes of the run's dbt command."""
    folder = str(deployment.outcomes / "runs" / dag_id)
    return [process.pid for process in psutil.process_iter(["cmdline"]) if folder in (process.info["cmdline"] or ())]


def poll(holds: Callable[[], bool], *, limit_s: float) -> None:
    """Returns once ``holds()``; neither the REST API nor the warehouse has an event to await."""
    Retrying(retry=retry_if_result(lambda held: not held), wait=wait_fixed(0.2), stop=stop_after_delay(limit_s))(holds)


@on_rabbitmq
@pytest.mark.parametrize("what", ["run_failed", *STATES])
def test_ending_a_producer_that_runs_stops_dbt_its_queries_and_its_consumers(
    deployment: Deployment, runs: dict[str, DagRun], what: str
) -> None:
    client = deployment.airflow.client
    run = runs[f"by_hand_{what}_postgres"]
    poll(lambda: sleeping_queries(deployment, run.dag_id) == 1, limit_s=150)
    assert dbt_processes(deployment, run.dag_id)
    poll(lambda: state_of(deployment, run, "raw_orders_seed") == "success", limit_s=60)

    if what == "run_failed":
        client.mark_run(run, "failed")
    else:
        client.mark_task(run, PRODUCER, what)

    poll(lambda: sleeping_queries(deployment, run.dag_id) == 0, limit_s=QUERY_GONE_WITHIN_S)
    poll(lambda: not dbt_processes(deployment, run.dag_id), limit_s=QUERY_GONE_WITHIN_S)
    poll(lambda: all(task.state in ENDED for task in client.task_instances(run)), limit_s=60)
    case = Case(deployment, "postgres", what, client.wait_for_run(run))
    states = case.states
    assert case.producer.state == ("failed" if what == "run_failed" else what)
    assert states.pop("raw_orders_seed") == "success"
    assert set(states.values()) <= {"failed", "upstream_failed", *({"skipped"} if what == "run_failed" else ())}
    # Of a DAG run that is marked failed, Airflow itself skips what waits.
    assert states["orders.run"] == ("skipped" if what == "run_failed" else "failed")
    assert case.run.state == "failed"
    assert client.worker_starts(run) == [PRODUCER]
    (attempt,) = case.fold.attempts.values()
    assert attempt.phase is Phase.ABORTED
    told = {unique_id: event.data.outcome for unique_id, event in attempt.nodes_finished.items()}
    assert told.pop("model.outcomes.orders", Outcome.CANCELLED) is Outcome.CANCELLED
    assert "model.outcomes.orders_view" not in told


@on_rabbitmq
@pytest.mark.parametrize("state", STATES)
def test_a_producer_that_was_ended_before_it_began_fails_its_consumers(
    deployment: Deployment, held_back: dict[str, DagRun], state: str
) -> None:
    client = deployment.airflow.client
    run = client.wait_for_run(held_back[f"held_back_{state}"], timeout_s=120)
    states = {task.task_id: task.state for task in client.task_instances(run)}
    assert states.pop("before") == "success"
    assert states.pop(HELD_BACK_PRODUCER) == state
    assert states.pop("warehouse.raw_orders_seed") == "failed"
    assert set(states.values()) == {"upstream_failed"}
    assert run.state == "failed"
    assert client.worker_starts(run) == ["before"]


def state_of(deployment: Deployment, run: DagRun, task_id: str) -> str | None:
    return next(task.state for task in deployment.airflow.client.task_instances(run) if task.task_id == task_id)
