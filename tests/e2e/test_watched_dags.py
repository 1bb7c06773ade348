"""Real Airflow, real dbt, real buses: every node's task ends as its node ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from tenacity import Retrying, retry_if_result, stop_after_delay, wait_fixed

from e2e.deployment import Deployment
from heliograph.airflow.run_key import run_key
from heliograph.bus.open import open_log
from heliograph.bus.run_state import RunState
from local_servers.airflow_client import DagRun, TaskInstance

pytestmark = pytest.mark.e2e

on_both_buses = pytest.mark.parametrize("deployment", ["rabbitmq", "sqlite"], indirect=True, scope="session")
on_rabbitmq = pytest.mark.parametrize("deployment", ["rabbitmq"], indirect=True, scope="session")

PRODUCER = "dbt_producer_watcher"
# dbt's words in run_results.json -> the contract's.
OUTCOMES = {
    "success": "success",
    "pass": "success",
    "warn": "warn",
    "error": "error",
    "fail": "fail",
    "skipped": "skipped",
}


def run_dag(deployment: Deployment, dag_id: str) -> tuple[DagRun, dict[str, TaskInstance]]:
    client = deployment.airflow.client
    client.wait_for_dag(dag_id)
    run = client.wait_for_run(client.trigger(dag_id), timeout_s=150)
    return run, {task.task_id: task for task in client.task_instances(run)}


def folded(deployment: Deployment, run: DagRun, group_id: str | None = None) -> RunState:
    key = run_key(dag_id=run.dag_id, group_id=group_id, run_id=run.run_id)

    async def fold() -> RunState:
        state = RunState(run=key)
        log = open_log(deployment.bus_url)
        async for recorded in log.read(key):
            state.apply(recorded.event)
        await log.aclose()
        return state

    return asyncio.run(fold())


def dbt_results(deployment: Deployment) -> dict[str, str]:
    results = json.loads((deployment.project / "target" / "run_results.json").read_text())["results"]
    return {result["unique_id"]: OUTCOMES[result["status"]] for result in results}


def states(tasks: dict[str, TaskInstance]) -> dict[str, str | None]:
    return {task_id: task.state for task_id, task in tasks.items()}


@on_both_buses
@pytest.mark.parametrize(
    ("dag_id", "group_id", "producer"),
    [
        ("in_dependency_order", None, PRODUCER),
        ("all_at_once", None, PRODUCER),
        ("in_a_group", "warehouse", f"warehouse.{PRODUCER}"),
    ],
)
def test_a_green_run_uses_no_worker_but_the_producers(
    deployment: Deployment, dag_id: str, group_id: str | None, producer: str
) -> None:
    run, tasks = run_dag(deployment, dag_id)

    assert set(states(tasks).values()) == {"success"}
    assert run.state == "success"
    assert deployment.airflow.client.worker_starts(run) == [producer]
    assert [task_id for task_id, task in tasks.items() if task.ran_on_worker] == [producer]
    attempt = folded(deployment, run, group_id).attempts[1]
    assert attempt.complete
    assert {uid: str(event.data.outcome) for uid, event in attempt.nodes_finished.items()} == dbt_results(deployment)


@on_both_buses
@pytest.mark.parametrize(("dag_id", "cascade_state"), [("breaks", "upstream_failed"), ("breaks_all_at_once", "failed")])
def test_a_broken_model_fails_its_task_and_no_descendant_turns_green(
    deployment: Deployment, dag_id: str, cascade_state: str
) -> None:
    run, tasks = run_dag(deployment, dag_id)

    found = states(tasks)
    assert run.state == "failed"
    assert found.pop("best_customer_run") == "failed"
    assert found.pop("report_run") == cascade_state
    assert found.pop(PRODUCER) == "success"  # the failed node's own task tells
    assert set(found.values()) == {"success"}
    log = deployment.airflow.client.task_log(run, "best_customer_run")
    assert "division by zero" in log


@on_rabbitmq
def test_an_error_before_any_node_fails_the_roots_with_dbts_words(deployment: Deployment) -> None:
    run, tasks = run_dag(deployment, "does_not_compile")

    found = states(tasks)
    assert run.state == "failed"
    assert found["raw_orders_seed"] == "failed"
    assert "success" not in found.values()
    assert "a_model_nobody_wrote" in deployment.airflow.client.task_log(run, "raw_orders_seed")


@on_rabbitmq
def test_a_retried_node_runs_dbt_again_for_itself_and_what_was_skipped_for_it(deployment: Deployment) -> None:
    run, tasks = run_dag(deployment, "recovers")

    assert states(tasks) | {PRODUCER: "success"} == dict.fromkeys(tasks, "success")
    assert run.state == "success"
    assert tasks["recovers_run"].state == "success"
    assert tasks["recovers_run"].try_number == 2
    assert folded(deployment, run).attempts[2].plan.keys() == {
        "model.warehouse.recovers",
        "model.warehouse.after_recovers",
    }


@on_rabbitmq
def test_clearing_a_green_node_resolves_it_from_the_log_without_a_worker(deployment: Deployment) -> None:
    client = deployment.airflow.client
    run, _ = run_dag(deployment, "in_dependency_order")
    client.clear(run, ["raw_orders_seed"])
    run = client.wait_for_run(run)

    tasks = {task.task_id: task for task in client.task_instances(run)}
    assert tasks["raw_orders_seed"].state == "success"
    assert tasks["raw_orders_seed"].try_number == 2
    assert client.worker_starts(run) == [PRODUCER]


@on_rabbitmq
def test_a_broker_that_goes_away_during_a_run_delays_it_and_loses_nothing(deployment: Deployment) -> None:
    if deployment.rabbit is None:
        pytest.skip("the RabbitMQ server named by the environment is not ours to stop")
    client = deployment.airflow.client
    client.wait_for_dag("slow")
    run = client.trigger("slow")
    _poll(lambda: any(attempt.nodes_finished for attempt in folded(deployment, run).attempts.values()))
    deployment.rabbit.stop()
    try:
        _poll(lambda: "Finished running" in client.task_log(run, PRODUCER))
    finally:
        deployment.rabbit.start()
    run = client.wait_for_run(run, timeout_s=120)

    assert run.state == "success"
    assert folded(deployment, run).attempts[1].complete
    assert client.worker_starts(run) == [PRODUCER]


@on_rabbitmq
def test_the_connections_test_button_tells_what_is_wrong(deployment: Deployment) -> None:
    parts = urlsplit(deployment.bus_url)
    body = {
        "connection_id": "bus",
        "conn_type": "amqp",
        "host": parts.hostname,
        "port": parts.port,
        "login": parts.username,
        "password": parts.password,
        "extra": json.dumps({"exchange": "e2e", "stream": "e2e"}),
    }

    good = deployment.airflow.client.request("POST", "connections/test", json=body)
    missing = deployment.airflow.client.request(
        "POST", "connections/test", json=body | {"extra": json.dumps({"exchange": "nowhere", "stream": "e2e"})}
    )
    refused = deployment.airflow.client.request("POST", "connections/test", json=body | {"password": "wrong"})

    assert good["status"] is True, good
    assert missing["status"] is False
    assert "heliograph bus create" in missing["message"]
    assert refused["status"] is False
    assert "wrong" not in refused["message"]


def _poll(holds: Callable[[], bool]) -> None:
    """Returns once ``holds()``; the REST API has no event to await."""
    Retrying(retry=retry_if_result(lambda held: not held), wait=wait_fixed(0.2), stop=stop_after_delay(60))(holds)
